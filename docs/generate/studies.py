"""The reference of study files, from the classes that they are read into."""

from inspect import cleandoc

from bakeoff.studies.study import Exceptional, Published, Study, Turn
from generate.fields import field_table
from generate.markdown import page as make_page
from generate.markdown import prose

TABLES = {
    "[[cells]] and [[variants]]": Exceptional,
    "[[dials]]": Turn,
    "[[published]]": Published,
}


def page() -> str:
    """Return the page."""
    parts = [
        "A study file is TOML. `bakeoff new study NAME` writes a commented one, `bakeoff check FILE` checks it, and "
        "`bakeoff run FILE` runs it. Paths in it are relative to the file. An unknown key is an error that names its "
        "line.",
        prose(cleandoc(Study.__doc__ or "")),
        field_table(Study),
    ]
    for title, kind in TABLES.items():
        parts += [f"## {title}", prose(cleandoc(kind.__doc__ or "")), field_table(kind)]
    return make_page("Study files", *parts)
