"""The device that a worker loads its network onto, as the engine says by an environment variable."""

import pytest

from hybridmatte.batch.pool import DEVICE_VARIABLE

network_work = pytest.importorskip("hybridmatte.batch.network_work", reason="needs the extra deep")


@pytest.fixture(autouse=True)
def no_cache():
    network_work._cached_network.cache_clear()
    yield
    network_work._cached_network.cache_clear()


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_networks_are_loaded_onto_the_device_of_the_worker(monkeypatch, device):
    if device != "cpu":  # which is the default
        monkeypatch.setenv(DEVICE_VARIABLE, device)
    network = network_work.load_image_network("finder")
    assert {parameter.device.type for parameter in network.parameters()} == {device}
