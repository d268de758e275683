"""The reference of study files, from the classes that they are read into."""

from bakeoff.studies.study import Study
from bakeoff.studies.tables import Exceptional, Published, Turn
from generate.fields import about, field_table
from generate.markdown import page as make_page

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
        about(Study),
        field_table(Study),
    ]
    for title, kind in TABLES.items():
        parts += [f"## {title}", about(kind), field_table(kind)]
    return make_page("Study files", *parts)
