"""`bakeoff audit`."""

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from bakeoff.cli.options import json_option, store_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakeoff.audit import Finding

COLOURS = {"serious": "bold red", "caution": "yellow", "note": "dim"}


@click.command()
@store_option()
@click.option("--study", metavar="STUDY", help="Audit what this study published instead: its name or a .toml file.")
@json_option
def audit(store: Path, study: str | None, as_json: bool) -> None:
    """Say which numbers of a store are not to be trusted, and why.

    Networks that collapsed or never predict a class, runs stopped too early or reported at a lucky epoch, tables of
    unequal terms, differences within the noise, and more. Each finding has its evidence in numbers (all of it with
    [bold]--json[/]) and says what to do. [bold]serious[/]: do not use the number; [bold]caution[/]: read it with this
    in mind; [bold]note[/]: good to know. Images in both training and test set are found by [bold]bakeoff data NAME[/].

    \b
    [bold]Examples[/]
    bakeoff audit
    bakeoff audit --store afif.db --json
    bakeoff audit --study afif2018
    """
    if study is not None:
        from bakeoff import studies
        from bakeoff.audit.printed import PRINTED_FINDINGS, audit_printed

        findings, kinds = audit_printed(studies.load(study)), len(PRINTED_FINDINGS)
    else:
        from bakeoff import audit as auditing
        from bakeoff.store import Store

        with Store(store) as opened:
            findings, kinds = auditing.audit(opened), len(auditing.FINDINGS)
    if as_json:
        from bakeoff.reporting.tables import to_json

        click.echo(to_json(findings))
    else:
        print_findings(findings, kinds)


def print_findings(findings: "Sequence[Finding]", kinds: int) -> None:
    """Print findings for people, what to do once for each of the `kinds` that were looked for."""
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    from bakeoff.audit import SEVERITIES, tell_counts

    console = Console(highlight=False)
    for severity in SEVERITIES:
        for kind in dict.fromkeys(finding.kind for finding in findings if finding.severity == severity):
            own = [finding for finding in findings if (finding.kind, finding.severity) == (kind, severity)]
            console.print(Text(severity, COLOURS[severity]), Text(kind, "bold"))
            for finding in own:
                console.print(Padding(Text(f"· {finding.message}"), (0, 0, 0, 2)))
            for advice in dict.fromkeys(finding.advice for finding in own):
                console.print(Padding(Text(f"→ {advice}", "dim"), (0, 0, 0, 2)))
    console.print(f"Found: {tell_counts(findings)}. Looked for {kinds} kinds.")
