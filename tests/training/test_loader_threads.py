"""The workers of a training's loader keep to one thread each."""

from torch.utils.data import DataLoader, Dataset

from hybridmatte.linalg.threads import _settings, thread_count
from hybridmatte.training.crops_module import start_worker


class ThreadCounts(Dataset[int]):
    """Samples that say on how many threads the kernels of the process may run."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, _index: int) -> int:
        return thread_count()


def test_workers_keep_to_one_thread(monkeypatch):
    monkeypatch.setattr(_settings, "limit", 4)
    for start, expected in ((None, 4), (start_worker, 1)):
        loader = DataLoader(ThreadCounts(), batch_size=None, num_workers=1, worker_init_fn=start)
        assert list(loader) == [expected]
    assert thread_count() == 4
