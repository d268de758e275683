from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pages import FORTY, HUNDRED, make_page
from synthetic import RECIPE, make_store

from bakeoff.reporting import write


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function that makes a synthetic store and returns its path."""

    def made(**options: object) -> Path:
        return make_store(tmp_path_factory.mktemp("store") / "made.db", **options)  # type: ignore[arg-type]

    return made


@pytest.fixture(scope="session")
def browser(launch: Callable[..., Any]) -> Iterator[Any]:
    browser = launch()
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def report(make: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(make(failing=1, waiting=1), tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture(scope="session")
def with_pictures(make: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(make(data=("digits",), real=True, worse=0.3), tmp_path_factory.mktemp("page") / "pictures.html")


@pytest.fixture(scope="session")
def of_a_study(make: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = msgspec.structs.replace(RECIPE, name="afif2018")
    data = ("mnist", "fashion-mnist", "kmnist", "svhn", "digits", "cifar10")
    path = make(nets=("lenet-afif", "vgg-afif", "resnet20"), data=data, recipe=recipe, images=100, noise=0.01)
    return write(path, tmp_path_factory.mktemp("page") / "study.html", pictures=False)


@pytest.fixture(scope="session")
def of_many(make: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = make(nets=list(FORTY), kinds=FORTY, data=("birds",), classes=HUNDRED, seeds=2, images=600)
    return write(path, tmp_path_factory.mktemp("page") / "many.html")


@pytest.fixture(scope="session")
def page_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that makes a page of pages.CASES once."""
    folder = tmp_path_factory.mktemp("pages")
    return lambda name: made if (made := folder / f"{name}.html").exists() else make_page(name, folder)


@pytest.fixture
def visit(browser: Any, report: Path) -> Iterator[Callable[..., Any]]:
    """Open the page offline; whatever the console says or the page asks of a network fails the test at its end."""
    contexts, said = [], []

    def opened(path: Path = report, query: str = "", **options: Any) -> Any:
        options = {"viewport": {"width": 1280, "height": 900}, "offline": True, **options}
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.set_default_timeout(90_000)  # also on a busy machine
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: request.url.startswith("http") and said.append(request.url))
        page.goto(path.as_uri() + query)
        page.wait_for_selector("svg[data-drawn=cost]")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []
