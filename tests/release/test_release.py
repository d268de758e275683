"""What a release consists of: metadata, the wheel, and the files that a public repository has."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
VERSIONS = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
"""The versions of Python that the metadata promise."""


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def loaded(name: str) -> dict:
    yaml = pytest.importorskip("yaml")
    return yaml.safe_load(text_of(name))


def test_the_wheel_has_every_file_of_the_package(tmp_path):
    wheel = pytest.importorskip("hatchling.builders.wheel")
    built = next(wheel.WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"]))
    with zipfile.ZipFile(built) as archive:
        inside = set(archive.namelist())
        metadata = archive.read(next(name for name in inside if name.endswith("METADATA"))).decode()
    tracked = subprocess.run(["git", "ls-files", "src/bakeoff"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = {name.removeprefix("src/") for name in tracked.stdout.split()}
    assert files and files <= inside
    assert {Path(name).suffix for name in files} >= {".py", ".toml", ".js", ".css", ".html", ".txt", ".typed"}
    assert "License-Expression: MIT" in metadata and "# bakeoff" in metadata
    assert {name.partition("/")[0] for name in inside} == {"bakeoff", f"bakeoff-{PROJECT['version']}.dist-info"}


def test_the_citation_is_of_this_version():
    citation = loaded("CITATION.cff")
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["version"] == PROJECT["version"] and citation["license"] == PROJECT["license"]
    dates = dict(re.findall(r"^## (\S+) - (\d{4}-\d\d-\d\d)$", text_of("CHANGELOG.md"), re.MULTILINE))
    assert str(citation["date-released"]) == dates[PROJECT["version"]]


def test_the_changelog_is_one_that_tools_can_read():
    """Keep a Changelog: what is not released first, then versions with dates, the newest first, in known groups."""
    headings = re.findall(r"^## (.+)$", text_of("CHANGELOG.md"), re.MULTILINE)
    assert headings[0] == "Unreleased" and len(headings) > 1
    assert all(re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d", heading) for heading in headings[1:])
    groups = set(re.findall(r"^### (.+)$", text_of("CHANGELOG.md"), re.MULTILINE))
    assert groups <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    for version in re.split(r"^## .+$", text_of("CHANGELOG.md"), flags=re.MULTILINE)[1:]:
        before, *parts = re.split(r"^### (.+)$", version, flags=re.MULTILINE)
        assert not before.strip(), "an entry stands below Added, Changed, Removed or Fixed"
        assert len(set(parts[::2])) == len(parts[::2]), "each group once"
        assert all(part.strip() for part in parts[1::2])


def test_the_workflow_calls_make_and_tests_every_version():
    jobs = loaded(".github/workflows/checks.yml")["jobs"]
    commands = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    targets = set(re.findall(r"^([a-z]+):", text_of("Makefile"), re.MULTILINE))
    assert commands and {command.removeprefix("make ") for command in commands} <= targets
    assert jobs["tests"]["strategy"]["matrix"]["python"] == VERSIONS
    assert PROJECT["requires-python"] == f">={VERSIONS[0]}"


def test_hooks_before_a_commit_use_the_versions_of_the_lock_file():
    hooks = {each["repo"]: each.get("rev") for each in loaded(".pre-commit-config.yaml")["repos"]}
    locked = dict(re.findall(r"^([\w-]+)==([\w.]+)", text_of("requirements-dev.lock"), re.MULTILINE))
    assert hooks["https://github.com/astral-sh/ruff-pre-commit"] == f"v{locked['ruff']}"


@pytest.mark.parametrize("form", sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml")), ids=lambda path: path.stem)
def test_forms_for_issues_have_what_the_forge_needs(form):
    content = loaded(form.relative_to(ROOT).as_posix())
    if form.stem == "config":
        assert set(content) <= {"blank_issues_enabled", "contact_links"}
        return
    assert {"name", "description", "body"} <= set(content)
    fields = [field for field in content["body"] if field["type"] != "markdown"]
    assert fields and all(field["id"] and field["attributes"]["label"] for field in fields)


@pytest.mark.network
@pytest.mark.timeout(600)
@pytest.mark.parametrize("version", VERSIONS)
def test_all_extras_resolve_together(version, tmp_path):
    pytest.importorskip("uv")
    found = tmp_path / "all.txt"
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--all-extras", "--python-version", version]
    done = subprocess.run([*command, "pyproject.toml", "-o", str(found)], cwd=ROOT, capture_output=True, text=True)
    if "error sending request" in done.stderr or "dns error" in done.stderr:
        pytest.skip("no package registry can be reached")
    assert done.returncode == 0, done.stderr
    names = {re.sub(r"[-_.]+", "-", name) for name in re.findall(r"^([\w.-]+)==", found.read_text(), re.MULTILINE)}
    extras = PROJECT["optional-dependencies"]
    wanted = {re.split(r"[\[<>=~! ]", each)[0] for group in extras.values() for each in group} - {"bakeoff"}
    assert wanted <= names


def test_make_cluster_runs_every_test_that_needs_its_packages():
    recipe = text_of("Makefile").partition("\ncluster:")[2].partition("\n\n")[0]
    wanted = re.compile(r"importorskip\(\"(ray|submitit|fsspec|s3fs|moto|mlflow|tensorboard|wandb)\b")
    files = [path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.py")]
    needing = [name for name in files if wanted.search(text_of(name))]
    paths = re.findall(r"tests/[\w/.]+", recipe)
    assert len(needing) > 5
    assert [name for name in needing if not name.startswith(tuple(paths))] == []
