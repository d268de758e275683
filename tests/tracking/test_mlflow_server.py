"""Against a real MLflow server, with SQLite and with PostgreSQL behind it."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

import tiny
from bakeoff.store.store import Store
from bakeoff.tracking.mirror import mirror
from bakeoff.tracking.mlflow_server import MlflowTracker
from bakeoff.tracking.target import Target, Unreachable

mlflow = pytest.importorskip("mlflow", reason="needs bakeoff[mlflow]")

IDS = [tiny.run("nin", 0).id, tiny.run("nin", 1).id, tiny.run("conv", 0).id]
SERVER = os.environ.get("BAKEOFF_MLFLOW") or shutil.which("mlflow", path=str(Path(sys.executable).parent)) or ""
"""The program mlflow of an environment that has the whole package, not only the client."""
PATIENCE = 400


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def has_server(modules: str = "flask, sqlalchemy, mlflow") -> bool:
    """Whether there is a server, whose environment has what it needs besides the client."""
    python = Path(SERVER).parent / "python"
    if not SERVER or not python.exists():
        return False
    return subprocess.run([python, "-c", f"import {modules}"], capture_output=True, check=False).returncode == 0


@contextmanager
def serving(folder: Path, database: str) -> Iterator[str]:
    """Run a server with a database; return its address."""
    if not has_server():
        pytest.skip("no MLflow server here: $BAKEOFF_MLFLOW is the mlflow of an environment that has it")
    port = free_port()
    command = [SERVER, "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
               "--backend-store-uri", database, "--artifacts-destination", str(folder / "artifacts")]  # fmt: skip
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=clean, start_new_session=True)
    try:
        deadline = time.monotonic() + PATIENCE
        while not answers(f"http://127.0.0.1:{port}/health"):
            assert process.poll() is None, (folder / "server.log").read_text()[-2000:]
            assert time.monotonic() < deadline, (folder / "server.log").read_text()[-2000:]
            time.sleep(0.3)
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Run a PostgreSQL of its own; return its address. It refuses to be run by root."""
    if not has_server("psycopg2"):
        pytest.skip("MLflow cannot use PostgreSQL here: pip install psycopg2-binary where it is")
    tools = [shutil.which(name) or next(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}")), None)
             for name in ("initdb", "pg_ctl")]  # fmt: skip
    if None in tools:
        pytest.skip("no PostgreSQL here: initdb and pg_ctl are not found")
    who = {}
    if os.geteuid() == 0:
        try:
            who = {"user": pwd.getpwnam("postgres").pw_uid, "group": pwd.getpwnam("postgres").pw_gid}
        except KeyError:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    home = Path(subprocess.run(["mktemp", "-d"], check=True, capture_output=True, text=True, **who).stdout.strip())
    port, data = free_port(), home / "data"
    try:
        quiet = {"check": True, "capture_output": True, "cwd": home, **who}
        subprocess.run([tools[0], "-D", data, "-U", "bakeoff", "--auth", "trust", "-N"], **quiet)
        options = f"-p {port} -k {home} -c listen_addresses=127.0.0.1"
        subprocess.run([tools[1], "-D", data, "-o", options, "-l", home / "log", "-w", "start"],
                       check=True, cwd=home, stdout=subprocess.DEVNULL, **who)  # fmt: skip
        try:
            yield f"postgresql+psycopg2://bakeoff@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run([tools[1], "-D", data, "-m", "immediate", "stop"], **quiet)
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_real_server_has_every_number_once(filled, tmp_path, database):
    with (
        postgres(tmp_path) if database == "postgresql" else sqlite(tmp_path) as address,
        serving(tmp_path, address) as server,
    ):
        target = Target("mlflow", server)
        assert sorted(mirror(filled, target).sent) == sorted(IDS)
        client = mlflow.MlflowClient(server)
        (experiment,) = client.search_experiments(filter_string="name LIKE 'bakeoff: %'")
        runs = {run.data.tags["bakeoff.run"]: run for run in client.search_runs([experiment.experiment_id])}
        assert runs.keys() == set(IDS)
        with Store(filled) as store:
            for result in store.results(IDS):
                run = runs[result.id]
                assert run.data.params["recipe.optimizer.lr"] == "0.05"
                assert {name: run.data.metrics[name] for name in result.measures} == result.measures
                curve = client.get_metric_history(run.info.run_id, "epoch/train_loss")
                assert [(one.step, one.value) for one in curve] == [
                    (one.epoch, one.train_loss) for one in result.epochs
                ]
                assert run.info.status == ("FINISHED" if result.state == "done" else "FAILED")
        home = client.get_experiment_by_name("bakeoff").experiment_id
        (page,) = client.search_runs([home])
        assert [one.path for one in client.list_artifacts(page.info.run_id)] == ["report.html"]
        again = mirror(filled, target)
        assert (again.sent, again.kept) == ([], 3)
        client.delete_tag(runs[IDS[0]].info.run_id, "bakeoff.mark")  # as if it had been interrupted
        with tiny.ClaimingStore(filled) as store:
            store.add_measures(IDS[1], {"robustness": 0.5})
        assert set(mirror(filled, target).sent) == set(IDS[:2])
        assert len(client.search_runs([experiment.experiment_id])) == 3
        assert len(client.search_runs([home])) == 1


@contextmanager
def sqlite(folder: Path) -> Iterator[str]:
    yield f"sqlite:///{folder / 'mlflow.db'}"


def test_a_server_that_is_down_gives_one_sentence(filled, monkeypatch):
    for name, value in {"MLFLOW_HTTP_REQUEST_TIMEOUT": "1", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Unreachable, match="start it, then `bakeoff track"):
        MlflowTracker("http://127.0.0.1:9", filled).marks()
