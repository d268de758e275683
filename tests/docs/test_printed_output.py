"""What pages show below a command is what it prints."""

import re
from pathlib import Path

import pytest
from documents import FENCE, name_of, pages

from generate.outputs import OutputError, blocks, with_outputs

SHOWING = [page for page in pages() if any(True for _ in blocks(page.read_text(encoding="utf-8")))]


def compared(text: str) -> str:
    """Return a page without the outputs that depend on the machine."""
    return re.sub(
        r"(<!-- run: [^>]*(?:varies|slow)[^>]*-->\n```\w+\n).*?^```$", r"\1", text, flags=re.DOTALL | re.MULTILINE
    )


PROGRAMS = ("bakeoff", "python", "pip", "ray", "curl", "find")
"""What the commands of blocks without a language begin with."""


def unmarked_outputs(text: str) -> list[str]:
    """Return the lines of outputs that the build does not make.

    A block of another language, such as `text` for a drawing, shows no output.
    """
    found = []
    for block in FENCE.finditer(text):
        language = block["language"].strip()
        if language not in ("", "console") or re.search(r"<!-- run(: .*)? -->\n$", text[: block.start()]):
            continue
        lines = [line for line in re.sub(r"\\\n", "", block["body"]).splitlines() if line.strip()]
        if language == "console":
            found += [line for line in lines if not line.startswith("$ ")]
        else:
            found += [line for line in lines if line.split()[0] not in PROGRAMS]
    return found


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_all_outputs_are_made_by_the_build(page: Path) -> None:
    assert unmarked_outputs(page.read_text(encoding="utf-8")) == [], "mark the block with <!-- run -->"


def test_outputs_without_a_mark_are_found() -> None:
    commands = "```\nbakeoff run \\\n    --seeds 3\npip install .\n```\n```text\na drawing\n```\n"
    marked = "<!-- run: lines=1 -->\n```console\n$ echo a\na\n```\n"
    assert unmarked_outputs(commands + marked) == []
    assert unmarked_outputs("```console\n$ echo a\na\n```\n```\nserious collapsed\n```\n") == ["a", "serious collapsed"]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", SHOWING, ids=name_of)
def test_outputs_are_current(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert compared(with_outputs(text)) == compared(text), "make outputs writes them anew"


def test_there_are_outputs() -> None:
    assert len(SHOWING) >= 4
    for page in SHOWING:
        for block in blocks(page.read_text(encoding="utf-8")):
            assert block.kind == "file" or block.commands, page


PAGE = """# A page
<!-- file -->
```python
# twice.py
print(2 * 21)
```
<!-- run -->
```console
$ python twice.py
41
$ printf 'a\\nb\\nc\\n' | head \\
    -n 2
```
<!-- run: lines=1 -->
```console
$ printf 'a\\nb\\nc\\n'
```
<!-- run: from=b lines=1 -->
```console
$ printf 'a\\nb\\nc\\n'
```
<!-- run: slow -->
```console
$ echo new
old
```
```console
$ echo not marked
```
"""


def test_a_page_is_run() -> None:
    made = with_outputs(PAGE)
    assert "$ python twice.py\n42\n" in made and "-n 2\na\nb\n" in made
    assert "c\\n'\na\n…\n```" in made and "c\\n'\n…\nb\n…\n```" in made
    assert "$ echo new\nold\n" in made and "$ echo new\nnew\n" in with_outputs(PAGE, slow=True)
    assert made.endswith("$ echo not marked\n```\n")
    assert with_outputs(made) == made


def test_a_command_that_fails_is_an_error() -> None:
    with pytest.raises(OutputError, match="ended with 3, not 0"):
        with_outputs("<!-- run -->\n```console\n$ exit 3\n```\n")
    with pytest.raises(OutputError, match="c"):
        with_outputs("<!-- run: from=c -->\n```console\n$ echo a b\n```\n")
    assert "$ exit 3\n" in with_outputs("<!-- run: exit=3 -->\n```console\n$ exit 3\n```\n")
