"""How the page looks: contrast in both themes, names, the phone."""

import pytest

from tests.server.page.conftest import SETTLED, pixel, plane, png, stroke
from tests.server.page.test_browser_answers import PHONE, with_doubts

pytestmark = pytest.mark.slow
LEAST_CONTRAST = 4.5
FAINT_TEXTS = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const over = ([r, g, b, a], below) => [r, g, b].map((value, i) => (value * a + below[i] * (255 - a)) / 255);
  const behind = (one) => {
    const own = rgba(getComputedStyle(one).backgroundColor);
    return own[3] === 255 || !one.parentElement ? own.slice(0, 3) : over(own, behind(one.parentElement));
  };
  const light = (colour) => [0.2126, 0.7152, 0.0722].reduce((sum, weight, i) => {
    const value = colour[i] / 255;
    return sum + weight * (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  }, 0);
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const one = node.parentElement;
    if (!node.textContent.trim() || !one.checkVisibility({ visibilityProperty: true })) continue;
    if (one.closest('button:disabled, svg, option')) continue;
    const below = behind(one);
    const [a, b] = [light(over(rgba(getComputedStyle(one).color), below)), light(below)];
    found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), node.textContent.trim()]);
  }
  return found;
}"""


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_contrast(open_page, photo, theme):
    """Amber words on white could not be read: all text has a contrast of at least 4.5, in both themes."""
    page = open_page(color_scheme=theme)
    assert page.get_attribute("html", "data-theme") == theme
    seen = page.evaluate(FAINT_TEXTS)
    page.route("**/health", lambda route: route.fulfill(json={"status": "warming up"}))
    page.reload()
    page.wait_for_selector("#warming:visible")
    seen += page.evaluate(FAINT_TEXTS)
    page.unroute("**/health")
    with_doubts(page, photo, (60, 60, 20))
    page.wait_for_selector("#warming", state="hidden")
    page.keyboard.press("Control+z")  # greyed, so it says why
    page.wait_for_selector(".message")
    seen += page.evaluate(FAINT_TEXTS)
    for dialog in ("save-dialog", "help-dialog", "token-dialog"):
        page.evaluate("(id) => { document.getElementById(id).showModal(); }", dialog)
        page.evaluate("document.getElementById('token-wrong').hidden = false")
        seen += page.evaluate(FAINT_TEXTS)
        page.evaluate("(id) => document.getElementById(id).close()", dialog)
    texts = {text for _, text in seen}
    assert {"The service is getting ready", "Place 1 of 1: ", "With fingers"} & texts
    assert {"Cut-out", "show", "Light or dark", "The service did not take this token."} <= texts
    assert not [(text, round(contrast, 2)) for contrast, text in seen if contrast < LEAST_CONTRAST]


def test_theme_is_kept(open_page):
    """The theme follows the system until one is chosen; the choice outlives a reload."""
    page = open_page(color_scheme="light")
    assert page.get_attribute("html", "data-theme") == "light"
    page.keyboard.press("d")
    assert page.get_attribute("html", "data-theme") == "dark"
    page.reload()
    assert page.get_attribute("html", "data-theme") == "dark"
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


def test_nothing_is_blank_meanwhile(answered):
    """A large cut-out was an empty checkerboard until it was composed: the photograph stands there meanwhile."""
    page = answered()
    page.evaluate(
        """() => {
          const { stage, state } = hybridmatte;
          const take = stage.tiles.take.bind(stage.tiles);
          stage.tiles.take = (picture, view, tint, level, seen) => take(picture, view, tint, level, seen, 0);
          stage.tiles.clear();
          stage.shownLevel = stage.levelFor(state.active);
          stage.draw();
        }"""
    )
    red, _, blue = pixel(page, 5, 5)
    assert blue > red + 20, "the photograph, not the checkerboard"


def test_long_names(answered, photo, tmp_path):
    """Names in the filmstrip lost their ending: they are cut in the middle, and whole in the tooltip."""
    page = answered()
    long = tmp_path / f"{'a_very_long_name_' * 4}0412.jpeg"
    long.write_bytes(png(photo.scene.image * 255))
    page.set_input_files("#photo-input", long)
    page.wait_for_selector("#filmstrip li:nth-child(2)[data-progress=settled]")
    for holder in ("#filmstrip li:nth-child(2) .file-name", "#picture-name"):
        assert page.get_attribute(holder, "title") == long.name
        assert page.text_content(holder) == long.name
        box = page.locator(holder).bounding_box()
        end = page.locator(f"{holder} :last-child")
        assert end.text_content() == "0412.jpeg"
        assert end.bounding_box()["x"] + end.bounding_box()["width"] <= box["x"] + box["width"] + 1
    button = page.locator("#filmstrip li:nth-child(2) .thumbnail").bounding_box()
    assert box["width"] < 700
    assert page.locator("#filmstrip li:nth-child(2) .file-name").bounding_box()["width"] <= button["width"]


def test_phone_without_a_photograph(open_page):
    """On a phone the empty page spoke of dropping and of Ctrl V, and its text touched the frame."""
    page = open_page(390, 844, **PHONE)
    text = page.inner_text(".welcome")
    assert "Drop" not in text
    assert "Ctrl" not in text
    assert "finger" in text
    for part in page.query_selector_all(".welcome > *"):
        box = part.bounding_box()
        assert box["x"] >= 16
        assert box["x"] + box["width"] <= 390 - 16


def test_a_large_screen(answered):
    """At 1920 x 1080 nothing is cut off or scrolled, and the picture has most of the screen."""
    page = answered(1920, 1080)
    assert page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == [
        1920,
        1080,
    ]
    for button in page.query_selector_all("button:visible, select:visible, input:visible"):
        box = button.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 1920
        assert box["y"] + box["height"] <= 1080
    stage = page.locator(".stage").bounding_box()
    assert stage["width"] * stage["height"] > 0.7 * 1920 * 1080
    assert page.evaluate("hybridmatte.stage.viewport.scale") > 2, "fitted to the screen"


def test_views_on_a_phone(answered):
    """The row of views was cut: all fit at 390 pixels; where they do not, the side fades and the chosen one shows."""
    page = answered(390, 844, **PHONE)
    last = page.locator("[data-command=view-foreground]")
    assert last.bounding_box()["x"] + last.bounding_box()["width"] <= 390
    assert "more-after" not in page.get_attribute("#views", "class")
    page.set_viewport_size({"width": 300, "height": 700})
    page.wait_for_selector("#views.more-after")
    assert page.evaluate("getComputedStyle(document.getElementById('views')).maskImage").startswith("linear-gradient")
    page.keyboard.press("9")
    page.wait_for_selector("#views.more-before:not(.more-after)")
    assert last.bounding_box()["x"] + last.bounding_box()["width"] <= 300


def test_help_on_a_phone(answered):
    """The help opened at its end and named no gestures: they come first where there is touch, and only there."""
    page = answered(390, 844, **PHONE)
    for _ in range(2):
        page.tap("[data-command=help]")
        page.wait_for_selector("#help-dialog[open]")
        assert page.evaluate("document.getElementById('help-dialog').scrollTop") == 0
        assert page.inner_text("#help-dialog h3 >> nth=0") == "With fingers"
        assert page.locator("#help-touch").bounding_box()["y"] < 200
        for words in ("One finger", "Two fingers", "Tap"):
            assert words in page.inner_text("#help-touch")
        page.evaluate("document.getElementById('help-dialog').scrollTop = 500")
        page.tap("#help-dialog [data-close]")
    page = answered()
    page.keyboard.press("?")
    assert page.is_hidden("#help-touch")
    assert page.is_visible("#help-dialog h3:has-text('How it works')")
    assert page.wait_for_selector(SETTLED)


COVERED = """() => [...document.querySelectorAll('.bar button, .views button, .tools button, .kinds button')]
  .filter((one) => one.checkVisibility({ visibilityProperty: true }))
  .filter((one) => {
    const { left, top, width, height } = one.getBoundingClientRect();
    return !one.contains(document.elementFromPoint(left + width / 2, top + height / 2));
  })
  .map((one) => one.textContent.trim() || one.dataset.command)"""


def test_no_button_lies_over_another(answered):
    """Between 1000 and 1300 pixels, a view's button lay over undo, redo and zoom."""
    page = answered(1280, 768)
    for width in (960, 985, 1000, 1100, 1200, 1280, 1300, 1366, 1400):
        page.set_viewport_size({"width": width, "height": 768})
        assert page.evaluate(COVERED) == [], width


def test_a_phone_on_its_side_leaves_room_for_the_picture(answered):
    page = answered(844, 390)
    stage = page.locator(".stage").bounding_box()
    assert stage["height"] >= 200
    assert stage["width"] >= 400
    assert page.evaluate(COVERED) == []
    for command in ("undo", "save"):
        box = page.locator(f".bar [data-command={command}]").bounding_box()
        assert 0 <= box["x"] <= 844 - box["width"]
    page.keyboard.press("2")
    stroke(page, (190, 150), (210, 150))
    assert (plane(page, "alpha")[150, 190:211] == 0).all()
