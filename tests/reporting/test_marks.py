from findings import finding

from bakeoff.ranking import rank
from bakeoff.reporting.marks import AuditedRow, audited, gravest
from bakeoff.store import Store


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
