from dataclasses import replace

import msgspec
from findings import finding

from bakeoff.analysis.ranking import rank
from bakeoff.reporting.severity import AuditedRow, audited, gravest
from bakeoff.store.store import Store
from tiny import finished_store


def test_rows_get_the_kinds_of_what_is_found(make) -> None:
    with Store(make()) as store:
        rows = rank(store.results())
    both = [finding(), finding(message="n"), finding(severity="note", kind="label-suspects", recipe="")]
    told = {(row.data, row.net): row.findings for row in audited(rows, both)}
    assert told["digits", "conv"] == ("dead-classes", "label-suspects")
    assert told["digits", "drop"] == told["mnist", "conv"] == ()
    assert isinstance(audited(rows, [])[0], AuditedRow)
    conv = next(row for row in rows if (row.data, row.net) == ("digits", "conv"))
    assert gravest(both, conv) == "!!" and gravest([finding(severity="caution")], conv) == "!"
    assert gravest(both[2:], conv) == ""


def test_two_versions_of_a_folder_keep_their_marks_apart(tmp_path) -> None:
    """A part of the store calls its data otherwise than the whole store does: marks go by run."""
    versions = tmp_path / "versions.db"
    finished_store(versions, nets=("lenet-afif",), seeds=1)
    with Store(versions) as store:
        old = replace(store.results()[0], data="")  # what the whole store calls it is not that of a part
        new = replace(old, id="new", run=msgspec.structs.replace(old.run, data_hash="changed"))
        (about_old, about_new) = rank([old, new])
    about = finding(data=about_new.data, recipe="tiny", nets=("lenet-afif",), runs=("new",))
    assert about_new.data != rank([new])[0].data
    assert gravest([about], about_new) == gravest([about], rank([new])[0]) == "!!"
    assert gravest([about], about_old) == gravest([about], rank([old])[0]) == ""
