"""The page in a browser: large and several photographs, other formats, and what can go wrong."""

import cv2
import numpy as np
import pytest

from tests.server.page.conftest import SETTLED, SHAPE, Answers, pixel, place, plane, png, stroke

pytestmark = pytest.mark.slow
COUNT_FRAMES = """() => {
  window.drawn = []; // for each movement, the frames and milliseconds until what it newly painted is on the canvas
  let last = null;
  addEventListener('pointermove', (event) => {
    const point = { x: event.offsetX, y: event.offsetY };
    const middle = last && { x: (last.x + point.x) / 2, y: (last.y + point.y) / 2 }; // the brush's way leads there
    last = point;
    const { context } = hybridmatte.stage;
    let frames = 0;
    const look = (now) => {
      frames++;
      const isDrawn = !middle || context.getImageData(middle.x, middle.y, 1, 1).data[0] === 128;
      if (isDrawn || frames > 60) drawn.push([frames, performance.now() - event.timeStamp]);
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
}"""


def test_large_photograph(open_page, tmp_path):
    """24 megapixels: a stroke is on the canvas within a frame or two, and its step keeps only what it changed."""
    height, width = 4000, 6000
    small = np.zeros((40, 60, 3), np.uint8)
    small[10:30, 20:40] = (200, 90, 40)
    image = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    path = tmp_path / "large.jpg"
    cv2.imwrite(str(path), image[:, :, ::-1])
    alpha = np.zeros((height, width), np.uint8)
    alpha[1000:3000, 2000:4000] = 255
    trimap = np.zeros_like(alpha)
    trimap[950:3050, 1950:4050] = 128
    trimap[1050:2950, 2050:3950] = 255
    page = open_page()
    answers = Answers(page, alpha, trimap)
    page.set_input_files("#photo-input", path)
    page.wait_for_selector(SETTLED, timeout=60_000)
    first, whole = (options for _, options in answers.asked)
    assert first["quality"] == ["fast"], "a smaller photograph is answered first"
    assert "foreground" not in whole["output"][0], "left out until it is looked at"
    page.keyboard.press("7")
    page.evaluate("hybridmatte.state.setSize(50)")
    page.keyboard.press("3")
    page.mouse.move(*place(page, 2200, 1500))
    page.mouse.down()
    page.evaluate(COUNT_FRAMES)
    page.mouse.move(*place(page, 3800, 1500), steps=20)
    page.wait_for_function("() => drawn.length === 20")
    frames, times = np.sort(page.evaluate("drawn"), axis=0).T
    page.mouse.up()
    assert frames[15] <= 2
    assert frames[-1] <= 5
    assert times[15] < 400
    assert page.evaluate("hybridmatte.state.active.trimap[1500 * 6000 + 3000]") == 128
    assert page.evaluate("hybridmatte.state.active.history.bytes") < 20e6
    page.keyboard.press("Control+z")
    assert page.evaluate("hybridmatte.state.active.trimap[1500 * 6000 + 3000]") == 255


def test_nothing_found(open_page, photo):
    """Nothing found: the photograph stays in sight, all is unknown, and the page says what to paint."""
    page = open_page()
    page.set_input_files("#photo-input", photo.path)
    page.wait_for_selector("#hint:has-text('No object was found')")
    assert (plane(page, "trimap") == 128).all()
    assert pixel(page, 200, 150)[0] > 100
    page.keyboard.press("1")
    stroke(page, (190, 150), (210, 150))
    page.wait_for_selector("#hint:has-text('background (key 2)')")
    page.keyboard.press("2")
    page.keyboard.press("r")
    stroke(page, (1, 1), (399, 90))
    stroke(page, (1, 210), (399, 299))
    page.wait_for_selector(SETTLED)
    alpha = plane(page, "alpha")
    assert alpha[150, 200] == 255
    assert alpha[5, 5] == 0


def test_painting_before_the_answer(open_page, photo):
    """Strokes that are faster than the automatic answer are joined with it."""
    page = open_page()
    answers = Answers(page, photo.scene.alpha * 255, photo.scene.trimap * 255)
    waiting = []
    page.route("**/v1/auto?*", lambda route: waiting.append(route))
    page.set_input_files("#photo-input", photo.path)
    page.wait_for_selector("body[data-progress=finding]")
    stroke(page, (20, 20), (60, 20))
    answers.answer(waiting[0])
    page.wait_for_selector(SETTLED)
    trimap = plane(page, "trimap")
    assert trimap[20, 40] == 255
    assert trimap[150, 200] == 255
    assert trimap[280, 20] == 0
    page.keyboard.press("Control+z")
    page.unroute("**/v1/auto?*")
    page.route("**/v1/auto?*", answers.answer)
    page.wait_for_selector("body:not([data-progress=settled])")
    page.wait_for_selector(SETTLED)
    assert plane(page, "trimap")[20, 40] == 0
    assert plane(page, "trimap")[150, 200] == 255


def test_errors_lose_nothing(answered):
    """A refusal is shown in the service's words, a service that is gone is asked again; what was painted stays."""
    page = answered()
    sentence = '{"error": {"message": "trimap is too odd, expected an even one", "field": "trimap", "kind": "value"}}'
    page.route("**/v1/matte?*", lambda route: route.fulfill(status=422, body=sentence, content_type="application/json"))
    stroke(page, (50, 50), (90, 50))
    page.wait_for_selector(".message.alert:has-text('Trimap is too odd, expected an even one.')")
    assert plane(page, "trimap")[50, 60] == 255
    page.unroute("**/v1/matte?*")
    page.route("**/v1/matte?*", lambda route: route.abort())
    stroke(page, (50, 80), (90, 80))
    page.wait_for_selector(".message:has-text('Your work is kept')")
    page.unroute("**/v1/matte?*")
    page.route("**/v1/matte?*", page.answers.answer)
    page.wait_for_selector(SETTLED)
    assert (plane(page, "trimap")[[50, 80], 60] == 255).all()


def test_several_pictures(answered, photo, tmp_path):
    """Each picture keeps its strokes, its zoom and its history."""
    page = answered()
    other = tmp_path / "other.png"
    other.write_bytes(png(photo.scene.image[:, ::-1] * 255))
    page.set_input_files("#photo-input", other)
    page.wait_for_selector("#filmstrip li:nth-child(2)[data-progress=settled]")
    page.keyboard.press("2")
    stroke(page, (200, 150), (220, 150))
    page.mouse.wheel(0, -300)
    page.wait_for_timeout(50)
    scale = page.evaluate("hybridmatte.stage.viewport.scale")
    page.keyboard.press("PageUp")
    page.wait_for_selector("#picture-name:has-text('disk.png')")
    assert plane(page, "trimap")[150, 210] == 255
    assert page.is_disabled("[data-command=undo]")
    page.keyboard.press("PageDown")
    page.wait_for_selector("#picture-name:has-text('other.png')")
    assert plane(page, "trimap")[150, 210] == 0
    assert page.evaluate("hybridmatte.stage.viewport.scale") == scale
    page.on("dialog", lambda dialog: dialog.accept())
    page.hover("#filmstrip li:nth-child(2)")
    page.click("#filmstrip li:nth-child(2) .close")
    page.wait_for_selector("#picture-name:has-text('disk.png')")


def test_drop_paste_and_formats(open_page, photo, tmp_path):
    """Photographs dropped or pasted, and one that no browser reads: a TIFF of 16 bits."""
    import tifffile

    page = open_page()
    Answers(page, photo.scene.alpha * 255, photo.scene.trimap * 255)
    data = list(photo.path.read_bytes())
    page.evaluate(
        """(data) => {
          for (const [type, key] of [['drop', 'dataTransfer'], ['paste', 'clipboardData']]) {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(data)], type + '.png', { type: 'image/png' }));
            const event = type === 'drop' ? new DragEvent(type, { dataTransfer: transfer, bubbles: true })
              : new ClipboardEvent(type, { clipboardData: transfer, bubbles: true });
            document.body.dispatchEvent(event);
          }
        }""",
        data,
    )
    page.wait_for_selector("#filmstrip li:nth-child(2)[data-progress=settled]")
    deep = tmp_path / "deep.tif"
    tifffile.imwrite(deep, np.round(photo.scene.image * 65535).astype(np.uint16), photometric="rgb")
    page.set_input_files("#photo-input", deep)
    page.wait_for_selector("#picture-name:has-text('deep.tif')")
    page.wait_for_selector(SETTLED)
    assert page.inner_text("#picture-size") == f"{SHAPE[1]} × {SHAPE[0]}"
    page.set_input_files("#photo-input", {"name": "no.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"})
    page.wait_for_selector(".message.alert:has-text('no.jpg')")


def test_labels(answered):
    """Each control has a name for screen readers, and the state is announced."""
    page = answered()
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button, input:not([hidden]), select, [role=slider], canvas')]
          .filter((one) => one.getAttribute('aria-hidden') !== 'true' && !(one.getAttribute('aria-label')
            || one.textContent.trim() || one.labels?.[0]?.textContent.trim())).map((one) => one.outerHTML)"""
    )
    assert nameless == []
    assert page.get_attribute("#status-text", "aria-live") == "polite"
    assert page.get_attribute("[data-command=tool-brush]", "aria-pressed") == "true"
    assert "Control+Z" in page.get_attribute("[data-command=undo]", "aria-keyshortcuts")
