"""Long clips and large frames take no more memory than they must."""

import resource
from pathlib import Path

import numpy as np
import pytest

from hybridmatte import matte_sequence
from tests.synthetic import soft_disk

GROWTH = 4 << 20  # bytes in the frames after the first 200; a frame and its plane take 20 KiB


def resident():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize(("by_key", "n_frames"), [(False, 400), (True, 400)], ids=["trimaps", "keys"])
def test_many_frames_take_the_memory_of_a_few(by_key, n_frames):
    scene = soft_disk((32, 40))
    generator = np.random.default_rng(0)

    def frames():
        for k in range(n_frames):
            noise = generator.normal(0, 0.01, scene.image.shape)
            yield np.clip(np.roll(scene.image, k % 7, axis=1) + noise, 0, 1).astype(np.float32)

    def trimap_at(k):
        return np.roll(scene.trimap, k % 7, axis=1)

    hints = (
        {"keys": {k: trimap_at(k) for k in range(0, n_frames, 50)}}
        if by_key
        else {"trimaps": map(trimap_at, range(n_frames))}
    )
    memory = [resident() for _ in matte_sequence(frames(), **hints)]
    assert len(memory) == n_frames
    assert memory[-1] - max(memory[150:200]) < GROWTH


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_many_frames_of_a_file_take_the_memory_of_a_few(tmp_path):
    """From a video with sound and a video of trimaps to a video."""
    made = pytest.importorskip("tests.video.made", reason="the extra video is not installed")
    from hybridmatte.video.jobs import Look, Settings, Source, run_clip

    times = range(0, 25 * 1000, 25)
    made.make_video(tmp_path / "s.mp4", n=1000, times=times, sound=True)
    trimap = np.full((48, 64, 3), 128, np.uint8)
    trimap[:8], trimap[40:] = 0, 255
    made.write_frames(tmp_path / "t.mkv", [trimap] * 1000, times=times, codec="ffv1", form="bgr0")
    memory = []
    source = Source(str(tmp_path / "s.mp4"), trimaps=str(tmp_path / "t.mkv"))
    settings = Settings("fast")
    count = run_clip(source, str(tmp_path / "a.mov"), Look(), settings, on_frame=lambda: memory.append(resident()))
    assert count == 1000
    assert memory[-1] - max(memory[150:200]) < GROWTH


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.mov", "a.webm"])
def test_files_of_4k(tmp_path, name):
    made = pytest.importorskip("tests.video.made", reason="the extra video is not installed")
    from hybridmatte.video import read_clip, write_clip

    image, alpha, _ = large_disk(0)
    made.write_frames(tmp_path / "s.mp4", [image] * 2, times=(0, 25))
    clip = read_clip(tmp_path / "s.mp4")
    write_clip(tmp_path / name, [image] * 2, clip, alphas=[alpha] * 2)
    frames = list(read_clip(tmp_path / name))
    assert [frame.image.shape for frame in frames] == [(2160, 3840, 3)] * 2
    assert max(np.abs(made.full(frame.alpha) - alpha).max() for frame in frames) < 0.05


def large_disk(offset):
    """Return a 4K frame with a textured disk that has moved by an offset, its alpha, and its trimap."""
    y, x = np.mgrid[:2160, :3840].astype(np.float32)
    radius = np.hypot(y - 1080, x - 1900 - offset)
    alpha = np.clip((800 - radius) / 40 + 0.5, 0, 1)
    texture = 0.1 * (np.sin((x - offset) / 30) + np.cos(y / 23))
    image = np.stack([0.3 + 0.4 * alpha + texture * alpha, 0.5 - 0.2 * alpha, 0.6 - 0.4 * alpha], axis=2)
    trimap = np.where(radius < 775, 1.0, np.where(radius > 825, 0.0, 0.5))
    return np.rint(255 * image.clip(0, 1)).astype(np.uint8), alpha, trimap


@pytest.mark.slow
def test_frames_of_4k():
    """The flow is found at a smaller size; a frame that follows another is as accurate as one alone."""
    first, second = large_disk(0), large_disk(24)
    alphas = list(matte_sequence([first[0], second[0]], [first[2], second[2]]))
    assert [alpha.shape for alpha in alphas] == [(2160, 3840)] * 2
    alone, moved = (
        np.abs(alpha - target)[trimap == 0.5].mean()
        for alpha, (_, target, trimap) in zip(alphas, (first, second), strict=True)
    )
    assert moved < 1.1 * alone
