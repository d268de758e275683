"""What MkDocs calls while it builds the site: runs the commands of pages, and leads links out of docs to copies."""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(DOCS))
from generate.notebook import NOTEBOOK, as_markdown  # noqa: E402
from generate.outputs import with_outputs  # noqa: E402

QUICK = "BAKEOFF_DOCS_QUICK"
"""Set it to leave out commands that train."""
OUTSIDE = ("CONTRIBUTING.md", "LOG.md", "CHANGELOG.md", "SECURITY.md", "README.md")
"""Files beside docs that pages may link to: the site has them as they are."""


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:
    """Return the page with real outputs, and with links that work on the site."""
    text = with_outputs(markdown, slow=not os.environ.get(QUICK))
    names = "|".join(re.escape(name) for name in OUTSIDE)
    up = "../" * page.file.src_uri.count("/")
    text = re.sub(rf"\]\((?:\.\./)+({names})((?:#[^)]*)?)\)", rf"]({up}project/\1\2)", text)
    return re.sub(r"\]\((?:\.\./)*runs\)", "](index.md)", text) if page.file.src_uri == "results.md" else text


def on_files(files: Any, *, config: Any) -> Any:
    """Add the notebook as a page, and the files beside docs, without links of their own."""
    from mkdocs.structure.files import File, InclusionLevel

    page = as_markdown(json.loads(NOTEBOOK.read_text(encoding="utf-8")))
    files.append(File.generated(config, "tutorials/notebook.md", content=page))
    for name in OUTSIDE:
        path = DOCS.parent / name
        if path.exists():
            content = re.sub(r"\]\((?!https?:)[^)]*\)", "]", path.read_text(encoding="utf-8"))
            files.append(
                File.generated(config, f"project/{name}", content=content, inclusion=InclusionLevel.NOT_IN_NAV)
            )
    return files
