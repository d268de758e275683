"""Made-up findings."""

from bakeoff.analysis.audit import Finding


def finding(**changes: object) -> Finding:
    """Return a serious finding about conv on digits, with changes."""
    whole = {
        "kind": "dead-classes",
        "severity": "serious",
        "message": "m",
        "advice": "a",
        "data": "digits",
        "recipe": "quick",
        "nets": ("conv",),
        "runs": (),
        "evidence": ({"seed": 0, "share": 0.5},),
    }
    return Finding(**whole | changes)  # type: ignore[arg-type]
