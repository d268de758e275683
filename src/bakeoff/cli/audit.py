"""`bakeoff audit`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from click.exceptions import Exit

from bakeoff.cli.complete import single, study_names_and_files
from bakeoff.cli.endings import UNFINISHED
from bakeoff.cli.options import json_option, store_option
from bakeoff.console.terminal import echo_json, echo_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakeoff.analysis.audit import Finding

COLOURS = {"serious": "bold red", "caution": "yellow", "note": "dim"}


@click.command()
@store_option()
@click.option(
    "--study",
    metavar="STUDY",
    shell_complete=single(study_names_and_files),
    help="Audit what this study published instead: its name or a .toml file.",
)
@json_option
def audit(store: Path, study: str | None, as_json: bool) -> None:
    """List the results of a store that cannot be trusted, and why.

    Networks that collapsed or never predict a class, runs stopped too early or reported at a lucky epoch, unequal
    budgets, test images that were trained on, networks that are not what their name says, differences within the
    noise, and more. Each finding comes with evidence in numbers (all of it with [bold]--json[/]) and advice.
    [bold]serious[/]: do not use the number; [bold]caution[/]: read it with this in mind; [bold]note[/]: good to know.
    The exit code is 1 if runs cannot be read, because they are damaged or written by a newer version.

    \b
    [bold]Examples[/]
    bakeoff audit
    bakeoff audit --store afif.db --json
    bakeoff audit --study afif2018
    """
    if study is not None:
        from bakeoff import studies
        from bakeoff.analysis.audit.printed import PRINTED_FINDINGS, audit_printed, printed_networks
        from bakeoff.nets.summary import summaries

        published = studies.load_study(study)
        findings = audit_printed(published, summaries(printed_networks(published)))
        kinds = len(PRINTED_FINDINGS)
    else:
        from bakeoff.analysis import audit as auditing
        from bakeoff.store.store import Store

        with Store(store) as opened:
            findings, kinds = auditing.audit(opened), len(auditing.FINDINGS)
            found, unreadable = opened.read()
            if not findings and not any(result.state == "done" for result in found) and not as_json:
                return echo_lines(["No run has finished yet: there is nothing to audit."])
    if as_json:
        echo_json([asdict(finding) for finding in findings])
    else:
        print_findings(findings, kinds)
    if study is None and unreadable:
        raise Exit(UNFINISHED)
    return None


def print_findings(findings: "Sequence[Finding]", kinds: int) -> None:
    """Print findings for people, what to do once for each of the `kinds` that were looked for."""
    import textwrap

    from bakeoff.analysis.audit import SEVERITIES, describe_counts
    from bakeoff.console.terminal import Console, escape

    console = Console(highlight=False)

    def show(text: str, style: str = "") -> None:
        """Print an indented text. Unlike rich, textwrap does not break a line between a number and its unit."""
        for line in textwrap.wrap(text, max(20, console.width - 2), break_on_hyphens=False, break_long_words=False):
            console.print(escape(f"  {line}"), style=style, soft_wrap=True)

    for severity in SEVERITIES:
        for kind in dict.fromkeys(finding.kind for finding in findings if finding.severity == severity):
            own = [finding for finding in findings if (finding.kind, finding.severity) == (kind, severity)]
            console.print(f"[{COLOURS[severity]}]{severity}[/] [bold]{escape(kind)}[/]")
            for message in dict.fromkeys(finding.message for finding in own):  # tables share some
                show(f"· {message}")
            for advice in dict.fromkeys(finding.advice for finding in own):
                show(f"→ {advice}", "dim")
    console.print(f"Found: {describe_counts(findings)}. Checked for {kinds} kinds of problem.")
