"""The page of a server in Chromium. Skipped with a reason where there is no browser."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is missing: pip install playwright")
CAMERA = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]


@pytest.fixture(scope="module")
def browser(launch: Callable[..., Any]) -> Iterator[Any]:
    browser = launch(*CAMERA)
    yield browser
    browser.close()


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open the page; an error in the console or a request to anywhere else fails the test at its end."""
    contexts, said = [], []

    def opened(client: Any, after: str = "", **options: Any) -> Any:
        own = f"http://127.0.0.1:{client.port}/"
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.set_default_timeout(60_000)  # also on a busy machine
        page.on("console", lambda message: "status of 4" not in message.text and said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: request.url.startswith((own, "data:", "blob:")) or said.append(request.url))
        page.goto(own + after)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []


def shares(page: Any) -> dict[str, float]:
    rows = page.locator("article tbody tr").all()
    texts = [(row.locator("th").inner_text(), row.locator("td").inner_text()) for row in rows]
    return {label: float(text.removesuffix("%")) for label, text in texts}


def test_one_image_is_classified_and_explained(visit, client, served, photos) -> None:
    page = visit(client)
    playwright.expect(page.locator("h1")).to_have_text("lenet-afif")
    page.set_input_files("#files", photos / "warm" / "3.jpg")
    page.wait_for_selector("article .why")
    expected = served.model.predict(photos / "warm" / "3.jpg")[0]
    assert page.locator("article h2").inner_text() == expected.label
    for label, share in zip(served.model.classes, expected.probabilities, strict=True):
        assert shares(page)[label] == pytest.approx(100 * share, abs=0.06)
    assert page.locator("article .large img").count() == 3 and page.locator("article .small img").count() == 5
    shown = page.evaluate("[...document.images].every((image) => image.complete && image.naturalWidth && image.alt)")
    assert shown


def test_several_images_are_classified_and_explained_on_request(visit, client, photos) -> None:
    page = visit(client)
    page.set_input_files("#files", [photos / "warm" / f"{number}.jpg" for number in range(12)])
    playwright.expect(page.get_by_role("status")).to_have_text("12 of 12 classified")
    assert page.locator("article").count() == page.locator("article table").count() == 12
    assert page.locator("article .why").count() == 0
    page.get_by_role("button", name="Why?").first.click()
    page.wait_for_selector("article .why")


def test_dropped_images_are_classified_and_names_are_text(visit, client, photos) -> None:
    page = visit(client)
    name = "<img src=x onerror=alert(1)>.jpg"
    content = list((photos / "cold" / "1.jpg").read_bytes())
    transfer = page.evaluate_handle(
        """([name, content]) => {
            const files = new DataTransfer();
            files.items.add(new File([new Uint8Array(content)], name, { type: "image/jpeg" }));
            return files;
        }""",
        [name, content],
    )
    page.dispatch_event("#drop", "drop", {"dataTransfer": transfer})
    page.wait_for_selector("article .why")
    playwright.expect(page.locator("article p.muted")).to_have_text(name)
    assert page.locator("img[src=x]").count() == 0


def test_what_is_not_an_image_is_reported(visit, client, tmp_path) -> None:
    (tmp_path / "page.jpg").write_text("<script>alert(1)</script>")
    page = visit(client)
    page.set_input_files("#files", tmp_path / "page.jpg")
    playwright.expect(page.locator("article .error")).to_contain_text("not an image")


def test_the_camera_is_used_and_turned_off(visit, client) -> None:
    page = visit(client, permissions=["camera"])
    page.get_by_role("button", name="use the camera").click()
    page.get_by_role("button", name="Classify this picture").click()
    page.wait_for_selector("article table")
    page.get_by_role("button", name="Turn the camera off").click()
    assert page.locator("#video").is_hidden()
    assert page.evaluate("document.activeElement.id") == "camera"


def test_the_token_is_asked_for_and_taken_from_the_address(visit, serve) -> None:
    with serve(token="a-long-secret") as client:
        page = visit(client)
        playwright.expect(page.locator("#said")).to_contain_text("asks for its token")
        page.get_by_label("Token").fill("another-secret")
        page.get_by_role("button", name="Use it").click()
        playwright.expect(page.locator("#said")).to_contain_text("not the token")
        page.get_by_label("Token").fill("a-long-secret")
        page.get_by_role("button", name="Use it").click()
        playwright.expect(page.locator("h1")).to_have_text("lenet-afif")
        page = visit(client, "#token=a-long-secret")
        playwright.expect(page.locator("h1")).to_have_text("lenet-afif")
        assert "secret" not in page.url


def test_the_page_can_be_used_by_keyboard_and_on_a_phone(visit, client, photos) -> None:
    page = visit(client, viewport={"width": 360, "height": 700}, color_scheme="dark")
    page.set_input_files("#files", photos / "warm" / "3.jpg")
    page.wait_for_selector("article .why")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    reached = set()
    for _ in range(6):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    assert {"files", "camera"} <= reached
