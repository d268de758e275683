"""How the help of the commands that train groups their options."""

from typing import Any

GROUPS: list[Any] = [
    {
        "name": "What to compare",
        "options": [
            "--nets",
            "--data",
            "--data-as",
            "--groups",
            "--folds",
            "--recipe",
            "--seeds",
            "--first-seed",
            "--until-settled",
            "--max-seeds",
        ],
    },
    {"name": "Changes to the recipe", "options": ["--epochs", "--size", "--scale", "--set"]},
    {
        "name": "How it runs",
        "options": [
            "--store",
            "--workers",
            "--threads",
            "--device",
            "--precision",
            "--compile",
            "--run-timeout",
            "--track",
            "--devices-per-run",
        ],
    },
    {
        "name": "On a cluster",
        "options": [
            "--executor",
            "--address",
            "--gpus-per-run",
            "--memory-per-run",
            "--checkpoints",
            "--pack",
            "--slurm",
        ],
    },
    {
        "name": "What to do",
        "options": [
            "--dry-run",
            "--retry-failed",
            "--restart",
            "--fail-fast",
            "--robustness",
            "--timing",
            "--all",
            "--format",
            "--json",
            "--help",
        ],
    },
]
CONTEST_GROUPS: list[Any] = [
    group | {"options": [option for option in group["options"] if option != "--folds"]} for group in GROUPS
]
"""For commands that take --folds only to say what to do instead: rich-click shows hidden options that a group names."""
