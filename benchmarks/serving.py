"""Requests per second of `bakeoff serve`, and how long they take, at 1, 8 and 64 clients that ask without a pause.

Clients are threads of this process, which also needs the CPU: with clients on another machine, rates would be higher.
Usage: python benchmarks/serving.py MODEL PHOTOS [--store bakeoff.db] [--seconds 8] [--clients 1,8,64]
"""

import argparse
import http.client
import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from bakeoff.data.kinds import is_image

WARM_UP = 10
"""Requests before any that counts."""


def start(model: str, store: str) -> tuple[subprocess.Popen[str], str]:
    """Return the server's process and its address."""
    command = [sys.executable, "-m", "bakeoff", "serve", model, "--store", store, "--port", "0", "--no-neighbours"]
    environment = os.environ | {"COLUMNS": "300"}
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    assert server.stderr is not None
    for line in server.stderr:
        found = [word for word in line.split() if word.startswith("http://")]
        if found:
            return server, urlsplit(found[0]).netloc
        print(line, end="", file=sys.stderr)
    raise SystemExit("the server did not start")


def ask(address: str, images: Sequence[bytes], first: int, end: float, seconds: list[float], lost: list[int]) -> None:
    """Ask one image after the other until it is time to end, on one connection."""
    connection = http.client.HTTPConnection(address, timeout=60)
    for image in itertools.islice(itertools.cycle(images), first, None):
        began = time.perf_counter()
        if began > end:
            break
        connection.request("POST", "/predict", image, {"Content-Type": "image/jpeg"})
        answer = connection.getresponse()
        answer.read()
        if answer.status == 200:
            seconds.append(time.perf_counter() - began)
        else:
            lost.append(answer.status)
    connection.close()


def measure(address: str, images: Sequence[bytes], clients: int, seconds: float) -> str:
    """Return a row of the table."""
    times: list[float] = []
    lost: list[int] = []
    began = time.perf_counter()
    threads = [
        threading.Thread(target=ask, args=(address, images, number * 7, began + seconds, times, lost))
        for number in range(clients)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    rate = len(times) / (time.perf_counter() - began)
    middle, late = np.percentile(times, [50, 99]) * 1000
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    return f"| {clients} | {rate:.0f} | {middle:.1f} | {late:.1f} | {len(times)} | {len(lost)} | {load:.1f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("photos", type=Path)
    parser.add_argument("--store", default="bakeoff.db")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--clients", default="1,8,64")
    given = parser.parse_args()
    files = sorted(path for path in given.photos.rglob("*") if is_image(str(path)))[:200]
    images = [path.read_bytes() for path in files]
    server, address = start(given.model, given.store)
    try:
        measure(address, images[:WARM_UP], 1, 1)
        print("| clients | requests/s | p50, ms | p99, ms | answered | refused | load |")
        print("|---:|---:|---:|---:|---:|---:|---:|")
        for clients in map(int, given.clients.split(",")):
            print(measure(address, images, clients, given.seconds), flush=True)
    finally:
        server.terminate()
        server.wait(30)


if __name__ == "__main__":
    main()
