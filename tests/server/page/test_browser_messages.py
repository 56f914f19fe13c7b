"""Messages, the brush's size, and what is dropped: small things at which a new user stumbled."""

import pytest

from tests.server.page.conftest import SETTLED, place, plane, stroke

pytestmark = pytest.mark.slow


def test_messages_do_not_cover_the_picture(answered):
    """Messages piled up: three are shown, the others are counted, and a button or Escape closes all."""
    page = answered()
    for keys in ("click", "Escape"):
        page.set_input_files(
            "#photo-input",
            [{"name": f"no{n}.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"} for n in range(5)],
        )
        page.wait_for_selector(".message.alert:has-text('no4.jpg')")
        assert page.locator(".message:visible").count() == 3
        assert page.inner_text("#more-messages") == "2 more"
        if keys == "click":
            page.click("#close-messages")
        else:
            page.keyboard.press("Escape")
        assert page.locator(".message").count() == 0
        assert page.is_hidden("#messages-foot")


def test_errors_go_when_it_works(answered, photo):
    """An error stayed after the same thing had succeeded; those of other actions stay."""
    page = answered()
    wrong = {"name": "no.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"}
    page.set_input_files("#trimap-input", wrong)
    page.wait_for_selector(".message.alert:has-text('no.jpg')")
    assert page.inner_text(".message.alert span").count("no.jpg") == 1
    page.set_input_files("#photo-input", {**wrong, "name": "other.jpg"})
    page.wait_for_selector(".message.alert:has-text('other.jpg')")
    page.set_input_files("#photo-input", photo.path)
    page.wait_for_selector("#filmstrip li:nth-child(2)[data-progress=settled]")
    assert page.locator(".message.alert:has-text('other.jpg')").count() == 0
    page.wait_for_selector(".message.alert:has-text('no.jpg')")
    page.set_input_files("#trimap-input", photo.trimap)
    page.wait_for_selector(".message.alert", state="detached")


def test_escape_gives_up_the_shape_first(answered):
    """Escape with corners set takes the corners, and leaves the messages."""
    page = answered()
    page.keyboard.press("n")
    page.wait_for_selector(".message")
    page.keyboard.press("p")
    page.mouse.click(*place(page, 30, 30))
    page.keyboard.press("Escape")
    assert page.locator(".message").count() == 1
    page.keyboard.press("Escape")
    assert page.locator(".message").count() == 0


def test_enter_in_the_size_field(answered):
    """After a size and Enter, digits went into the field: now the picture has the focus."""
    page = answered()
    page.fill("#size-number", "37")
    page.press("#size-number", "Enter")
    assert page.evaluate("hybridmatte.state.options.size") == 37
    assert page.evaluate("document.activeElement.id") == "overlay"
    page.keyboard.press("2")
    assert page.evaluate("hybridmatte.state.options.value") == 0
    assert page.input_value("#size-number") == "37"
    assert not page.evaluate("hybridmatte.state.active.isEdited")


def test_the_brush_is_as_wide_on_the_screen(answered):
    """24 pixels of a large photograph are a hair on the screen: until one is chosen, the size follows the zoom."""
    page = answered()
    page.evaluate("hybridmatte.state.isSizeChosen = false")
    page.evaluate("hybridmatte.stage.suggestSize()")
    scale = page.evaluate("hybridmatte.stage.viewport.scale")
    size = page.evaluate("hybridmatte.state.options.size")
    assert abs(size * scale - 24) <= scale
    page.evaluate("hybridmatte.state.setSize(50)")
    page.set_viewport_size({"width": 1000, "height": 700})
    page.wait_for_timeout(50)
    assert page.evaluate("hybridmatte.state.options.size") == 50


def test_a_folder(answered):
    """A dropped folder is named as one: the page said that the service does not answer."""
    page = answered()
    page.evaluate(
        """() => {
          DataTransferItem.prototype.webkitGetAsEntry = () => ({ isDirectory: true, name: 'holidays' });
          const transfer = new DataTransfer();
          transfer.items.add(new File(['x'], 'holidays'));
          document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true }));
        }"""
    )
    page.wait_for_selector(".message.alert:has-text('holidays is a folder, expected pictures.')")
    assert page.locator(".message").count() == 1
    stroke(page, (50, 50), (90, 50))
    page.wait_for_selector(SETTLED)
    assert plane(page, "trimap")[50, 70] == 255
