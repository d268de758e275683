"""The reference of the store's tables, from its migrations."""

import sqlite3
from contextlib import closing

from bakeoff.spec.records import Epoch, Failure
from bakeoff.store.schema import MIGRATIONS
from generate.fields import fields_of
from generate.markdown import capital, code, prose, table
from generate.markdown import page as make_page

ABOUT = {
    "runs": "One row per run: network, data set, recipe and seed. `id` is a digest of everything that changes the "
    "result, `settings` the whole run as JSON, `state` waiting, running, done or failed. `owner` and `heartbeat` say "
    "which process trains it.",
    "epochs": "One row per finished epoch of a run.",
    "measures": "The final numbers of a run by name, with the unit in the name: `test_accuracy`, `train_seconds`, …",
    "predictions": "For each finished run the predicted class of each test image (uint16), and the probabilities "
    "(float16, images × classes).",
    "failures": "Why a run failed, and where. A run that failed has no measures.",
    "datasets": "One row per content of a data set: facts as JSON, and the labels of its test images.",
    "environments": "Machines and versions that runs were trained on, as JSON, each once.",
    "networks": "The layers of networks as JSON, each once.",
    "studies": "Each command that trained runs, with the study it meant.",
    "comparisons": "Which recipes a study compared on a data set: they share a table.",
}
"""Table → what it holds. Tables without a text are listed all the same."""

COLUMNS = {"epochs": Epoch, "failures": Failure}
"""Table → the class that its rows are read into, whose docstrings describe the columns."""


def page() -> str:
    """Return the page."""
    with closing(sqlite3.connect(":memory:")) as db:
        for script in MIGRATIONS:
            db.executescript(script)
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid")]
        sections = [section(db, name) for name in names]
    return make_page(
        "The store",
        f"A store is one SQLite file (`bakeoff.db`), version {len(MIGRATIONS)} of its schema. Older files are migrated "
        "when they are opened. Checkpoints and weights are in the folder `bakeoff.db.files` beside it; a store without "
        "it has all results. Tables may change with a version; `bakeoff results --json` and `bakeoff.load` stay. To "
        "read the tables:",
        '```python\nimport sqlite3\n\nimport pandas as pd\n\nwith sqlite3.connect("bakeoff.db") as db:\n'
        '    epochs = pd.read_sql("SELECT * FROM epochs JOIN runs ON runs.id = epochs.run", db)\n```',
        *sections,
    )


def section(db: sqlite3.Connection, name: str) -> str:
    """Return the section of one table: what it holds, and its columns."""
    described = {field.name: field.about for field in fields_of(COLUMNS[name])} if name in COLUMNS else {}
    keys = {row[3]: f"`{row[2]}`" for row in db.execute(f"PRAGMA foreign_key_list({name})")}
    rows = []
    for _, column, kind, required, _, key in db.execute(f"PRAGMA table_info({name})"):
        notes = [
            "key" if key else "",
            f"a row of {keys[column]}" if column in keys else "",
            "" if required or key else "may be missing",
        ]
        about = prose(described.get(column, ""))
        rows.append((code(column), kind, capital("; ".join(filter(None, notes))), about))
    shown = (
        table(("column", "type", "", "meaning"), rows)
        if described
        else table(("column", "type", ""), [row[:3] for row in rows])
    )
    return f"## {name}\n\n{ABOUT.get(name, '')}\n\n{shown}"
