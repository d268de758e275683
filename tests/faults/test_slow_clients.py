"""Thousands of slow clients at once: all are answered, memory stays small, others are served, nothing is written."""

import asyncio
import http.client
import os
import resource
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

pytest.importorskip("uvicorn", reason="uvicorn is not installed: pip install 'bakeoff[serve]'")
pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

CLIENTS = 10_000
SPARE = 200
"""Open files of this process that are not clients."""
BEGINNINGS = (
    b"",
    b"POST /predict HTT",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ",
    b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 90000\r\n\r\n12",
)


@pytest.fixture
def server(store, tmp_path) -> Iterator[tuple[psutil.Process, int, Path]]:
    """The command, in a folder of its own: its process, port and folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    command = [sys.executable, "-m", "bakeoff", "serve", "linear", "--store", str(store), "--port", "0"]
    environment = os.environ | {"COLUMNS": "200", "TMPDIR": str(folder), "HOME": str(folder)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, cwd=folder) as started:
        try:
            line = next(line for line in started.stderr if "http://" in line)
            address = next(word for word in line.split() if word.startswith("http://"))
            yield psutil.Process(started.pid), urlsplit(address).port, folder
        finally:
            started.kill()


def ask(port: int) -> tuple[int, float]:
    """Return the status of a request by a client that is not slow, and the seconds it took."""
    start = time.monotonic()
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/model")
        status = connection.getresponse().status
        connection.close()
    except OSError:  # refused before the request was sent
        status = 0
    return status, time.monotonic() - start


async def be_slow(port: int, number: int) -> str:
    """Send a byte every half second until the server has had enough; return how it said so."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError as error:
        return type(error).__name__
    answer = b""
    try:
        writer.write(BEGINNINGS[number % len(BEGINNINGS)])
        read = asyncio.ensure_future(reader.read(100))
        while not (await asyncio.wait([read], timeout=0.5))[0]:
            writer.write(b"a")
        answer = read.result()
    except OSError:
        return "closed"
    finally:
        writer.close()
    return answer[9:12].decode() or "closed"


async def all_be_slow(port: int, clients: int) -> Counter[str]:
    return Counter(await asyncio.gather(*(be_slow(port, number) for number in range(clients))))


def test_ten_thousand_slow_clients(server):
    process, port, folder = server
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    clients = min(CLIENTS, hard - SPARE)
    assert ask(port)[0] == 200
    written, before = set(folder.rglob("*")), process.memory_info().rss
    peak, others, over = [before], [], threading.Event()

    def watch() -> None:
        while not over.is_set():
            peak.append(process.memory_info().rss)
            others.append(ask(port))
            time.sleep(0.1)

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.monotonic()
    ends = asyncio.run(all_be_slow(port, clients))
    seconds = time.monotonic() - start
    over.set()
    watcher.join()
    until_served = time.monotonic()
    while ask(port)[0] != 200:
        assert time.monotonic() - until_served < 20
    grown, slowest = (max(peak) - before) / 2**20, max(took for _, took in others)
    statuses = dict(Counter(status for status, _ in others))
    print(
        f"{clients} slow clients in {seconds:.0f} s: {dict(ends)}; others {statuses}, at most {slowest:.1f} s", end="; "
    )
    print(f"memory grew by {grown:.0f} MiB to {max(peak) / 2**20:.0f} MiB; {hard} open files allowed")
    assert sum(ends.values()) == clients and ends.keys() <= {"408", "429", "closed", "ConnectionResetError"}
    assert ends["408"] > 50 and ends["429"] > clients / 2
    assert statuses.keys() <= {200, 429, 0} and slowest < 20
    assert grown < 200
    assert set(folder.rglob("*")) == written
