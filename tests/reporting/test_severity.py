from dataclasses import replace

import msgspec
from findings import finding

from bakeoff.analysis.ranking import rank
from bakeoff.reporting.severity import AuditedRow, add_findings, worst_symbol
from bakeoff.store.store import Store
from tiny import finished_store


def test_rows_get_the_kinds_of_what_is_found(make) -> None:
    with Store(make()) as store:
        rows = rank(store.results())
    both = [finding(), finding(message="n"), finding(severity="note", kind="label-suspects", recipe="")]
    told = {(row.data, row.net): row.findings for row in add_findings(rows, both)}
    assert told["digits", "conv"] == ("dead-classes", "label-suspects")
    assert told["digits", "drop"] == told["mnist", "conv"] == ()
    assert isinstance(add_findings(rows, [])[0], AuditedRow)
    conv = next(row for row in rows if (row.data, row.net) == ("digits", "conv"))
    assert worst_symbol(both, conv) == "!!" and worst_symbol([finding(severity="caution")], conv) == "!"
    assert worst_symbol(both[2:], conv) == ""


def test_two_versions_of_a_folder_keep_their_marks_apart(tmp_path) -> None:
    """A part of the store names its data differently from the whole store: marks are assigned by run."""
    versions = tmp_path / "versions.db"
    finished_store(versions, nets=("lenet-afif",), seeds=1)
    with Store(versions) as store:
        old = replace(store.results()[0], data="")  # what the whole store calls it is not that of a part
        new = replace(old, id="new", run=msgspec.structs.replace(old.run, data_hash="changed"))
        (about_old, about_new) = rank([old, new])
    about = finding(data=about_new.data, recipe="tiny", nets=("lenet-afif",), runs=("new",))
    assert about_new.data != rank([new])[0].data
    assert worst_symbol([about], about_new) == worst_symbol([about], rank([new])[0]) == "!!"
    assert worst_symbol([about], about_old) == worst_symbol([about], rank([old])[0]) == ""
