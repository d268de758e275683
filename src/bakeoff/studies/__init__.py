"""The built-in studies, TOML files in this folder."""

from importlib import resources
from pathlib import Path

from bakeoff.errors import BakeoffError
from bakeoff.lookup import spelled, unknown
from bakeoff.studies.study import Study
from bakeoff.studies.toml import parse_study, read_study


def study_names() -> list[str]:
    """Return the names of the built-in studies."""
    return sorted(
        entry.name.removesuffix(".toml")
        for entry in resources.files(__name__).iterdir()
        if entry.name.endswith(".toml")
    )


def load_study(name_or_path: str) -> Study:
    """Return a built-in study by name, or the one in a TOML file.

    Raises:
        BakeoffError: there is no such study or file, or the file is not a valid study.
    """
    if (name := spelled(name_or_path, study_names())) in study_names():
        file = resources.files(__name__) / f"{name}.toml"
        return parse_study(file.read_text(encoding="utf-8"), name)
    if name_or_path.endswith(".toml") or (name_or_path and Path(name_or_path).exists()):
        return read_study(Path(name_or_path))
    raise BakeoffError(f"{unknown('study', name_or_path, study_names())} (or the path of a .toml file)")
