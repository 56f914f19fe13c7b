"""How long the page takes from the end of a stroke to new pixels: ``python -m tests.server.page.stroke_time``.

Twelve strokes of the unknown brush go outwards from the edge of an object in 1.5 megapixels, a second apart, so that
each meets the full solve of the one before. The service is a real one, with the workers that it has by default.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from tests.server.conftest import START_SECONDS, health, is_ready, running, wait_for
from tests.server.page.conftest import ARGUMENTS, CHROMIUM, SETTLED, png, stroke

SHAPE = (1000, 1500)
CENTRE, RADIUS = np.array([750, 500]), 350
N_STROKES = 12
BETWEEN = 1000  # milliseconds
WATCH = """() => {
  window.times = [];
  let since = null; // the end of a stroke whose answer is not there yet
  addEventListener('pointerup', (event) => { since = event.timeStamp; }); // after the page's own listener
  hybridmatte.state.on('pixels', () => {
    if (since === null) return;
    const start = since;
    since = null;
    requestAnimationFrame(() => setTimeout(() => times.push(performance.now() - start)));
  });
}"""


def disk() -> tuple[np.ndarray, np.ndarray]:
    """Return an image of a disk with a soft edge over noise, and its trimap, whose unknown band is 50 pixels wide."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    outside = np.hypot(x - CENTRE[0], y - CENTRE[1]) - RADIUS
    alpha = np.clip(0.5 - outside / 20, 0, 1)[:, :, None]
    image = alpha * (0.8, 0.4, 0.2) + (1 - alpha) * (0.2, 0.4, 0.7)
    noise = np.random.default_rng(0).normal(0, 0.02, image.shape)
    return np.clip(image + noise, 0, 1), np.where(np.abs(outside) < 25, 0.5, outside < 0)


def measured(page: Page, folder: Path) -> list[float]:
    """Return the milliseconds of each stroke, from the release of the button to the frame with new pixels."""
    for name, values in zip(("disk", "disk_trimap"), disk(), strict=True):
        (folder / f"{name}.png").write_bytes(png(values * 255))
    page.set_input_files("#photo-input", folder / "disk.png")
    page.wait_for_selector("#hint:has-text('No object was found')", timeout=120_000)
    page.set_input_files("#trimap-input", folder / "disk_trimap.png")
    page.wait_for_selector(SETTLED, timeout=120_000)
    page.evaluate(WATCH)
    page.keyboard.press("3")
    page.evaluate("hybridmatte.state.setSize(40)")
    for n, angle in enumerate(np.linspace(0, 2 * np.pi, N_STROKES, endpoint=False)):
        along = np.array([np.cos(angle), np.sin(angle)])
        start, end = (tuple(CENTRE + distance * along) for distance in (RADIUS + 10, RADIUS + 110))
        stroke(page, start, end)
        page.wait_for_function(f"() => times.length > {n}", timeout=60_000)
        page.wait_for_timeout(BETWEEN)
    return page.evaluate("times")


def main() -> None:
    """Start a service and a browser, and print the figures."""
    with tempfile.TemporaryDirectory() as name, running(Path(name)) as service, sync_playwright() as playwright:
        wait_for(lambda: is_ready(service, health(service)["workers"] or 1), START_SECONDS)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(service.url)
        times = sorted(measured(page, Path(name)))
        median, worst = np.median(times), times[-1]
        sys.stdout.write(f"{N_STROKES} strokes at 1.5 megapixels: median {median:.0f} ms, worst {worst:.0f} ms\n")
        browser.close()


if __name__ == "__main__":
    main()
