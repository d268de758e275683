"""The reference of the audit's findings, from the docstrings of its checks."""

import ast
import inspect
import sys
from collections.abc import Callable
from inspect import cleandoc
from typing import Any

from bakeoff.analysis.audit import FINDINGS, SEVERITIES
from generate.markdown import page as make_page
from generate.markdown import prose, table


def page() -> str:
    """Return the page."""
    rows, sections = [], []
    for kind, check in FINDINGS.items():
        about = cleandoc(check.__doc__ or "").split("\n\n")
        severities = " or ".join(severities_of(kind, check))
        rows.append((f"[{kind}](#{kind})" if about[1:] else kind, severities, prose(about[0])))
        if about[1:]:
            sections.append(f"## {kind}\n\n" + "\n\n".join(map(prose, about)))
    return make_page(
        "Findings of the audit",
        f"The {len(FINDINGS)} kinds of findings, in the order in which those of one severity are shown. *serious*: do "
        "not use the number; *caution*: read it with this in mind; *note*: good to know. `bakeoff audit --json` names "
        "them by these words. [What the audit finds](../explanation/audit.md) shows them at work.",
        table(("finding", "severity", "when"), rows),
        *sections,
    )


def severities_of(kind: str, check: Callable[..., Any]) -> list[str]:
    """Return the severities that findings of a kind can have, as the source of the check names them."""
    module = ast.parse(inspect.getsource(sys.modules[check.__module__]))
    functions = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}
    whole = functions[check.__name__]
    found: set[str] = set()
    for call in (node for node in ast.walk(whole) if isinstance(node, ast.Call)):
        if any(isinstance(argument, ast.Constant) and argument.value == kind for argument in call.args):
            named = _severities(call)
            helper = functions.get(call.func.id) if isinstance(call.func, ast.Name) else None
            if helper is not None:
                named = (named or set()) | _severities(helper)
            found |= named or _severities(whole)
    if not found:
        found = _severities(whole)
    return [severity for severity in SEVERITIES if severity in found]


def _severities(node: ast.AST) -> set[str]:
    return {each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and each.value in SEVERITIES}
