"""Responses to valid requests."""

import asyncio
import http.client
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from bakeoff.errors import BakeoffError
from bakeoff.serving.batches import Batcher
from bakeoff.serving.limits import Limits
from bakeoff.serving.server import check_address, listen
from bakeoff.serving.uploads import Refused


def test_predicts_what_the_model_predicts(client, served, photos):
    for file in (photos / "warm" / "3.jpg", photos / "cold" / "4.jpg"):
        status, answer = client.ask("/predict", file.read_bytes())
        expected = served.model.predict(file)[0]
        assert status == 200 and answer["label"] == expected.label
        given = [answer["probabilities"][name] for name in served.model.classes]
        assert given == list(expected.probabilities)
        assert list(answer["probabilities"].values()) == sorted(given, reverse=True)


def test_answers_in_the_form_that_the_manual_shows(client, photos):
    manual = (Path(__file__).resolve().parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")
    shown = json.loads(manual.split("```json\n")[1].split("```")[0])
    _, answer = client.ask("/predict", (photos / "warm" / "3.jpg").read_bytes())
    assert list(answer) == list(shown)
    for one in (shown, answer):
        assert (one["label"], one["probability"]) == next(iter(one["probabilities"].items()))
        assert sum(one["probabilities"].values()) == pytest.approx(1)


def test_predicts_concurrent_requests_together(serve, served, photos):
    files = sorted(photos.rglob("*.jpg"))[:40]
    expected = served.model.predict(files)
    with serve() as client, ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda file: client.ask("/predict", file.read_bytes()), files))
    for (status, answer), one in zip(answers, expected, strict=True):
        assert status == 200 and answer["label"] == one.label
        assert answer["probability"] == pytest.approx(one.probability, abs=1e-5)


def test_explains_with_pictures_and_training_images(client, photos):
    content = (photos / "warm" / "3.jpg").read_bytes()
    status, answer = client.ask("/explain?class=cold&neighbours=3", content)
    assert status == 200 and answer["explained"] == "cold"
    assert answer["maps"].keys() == {"gradcam", "gradients"} and len(answer["neighbours"]) == 3
    assert all(uri.startswith("data:image/png;base64,") for uri in [answer["picture"], *answer["maps"].values()])
    assert client.ask("/explain?method=gradients", content)[1]["maps"].keys() == {"gradients"}
    for query in ("class=glass", "method=lime", "neighbours=-1", "neighbours=1000", "neighbours=%D9%A3"):
        status, answer = client.ask(f"/explain?{query}", content)
        assert status == 400 and answer["error"]


def test_describes_itself_completely(client):
    _, found = client.ask("/openapi.json")
    names = set(found["components"]["schemas"])
    referred = {part.split('"')[0] for part in json.dumps(found).split("#/components/schemas/")[1:]}
    assert referred <= names and found["openapi"].startswith("3.1")
    for path, operations in found["paths"].items():
        status, _ = client.ask(path) if "get" in operations else client.ask(path, b"")
        assert str(status) in ("200", "400")
    _, answer = client.ask("/model")
    assert answer["classes"] == ["cold", "warm"] and answer["neighbours"] and "/" not in answer["data"]


def test_a_token_is_needed_where_one_is_set(serve, photos):
    content = (photos / "warm" / "3.jpg").read_bytes()
    with serve(token="a-long-secret") as client:
        assert client.ask("/")[0] == client.ask("/page.js")[0] == 200
        for path in ("/predict", "/explain", "/nothing"):
            assert client.ask(path, content)[0] == 401
        assert client.ask("/model")[0] == 401
        for wrong in ("Bearer wrong", "Basic a-long-secret", "a-long-secret", "Bearer \xe9"):
            assert client.ask("/predict", content, Authorization=wrong)[0] == 401
        assert client.ask("/predict", content, Authorization="Bearer a-long-secret")[0] == 200
        assert client.ask("/model", Authorization="Bearer a-long-secret", Host="a.example")[0] == 200


@pytest.mark.parametrize(
    ("host", "token"),
    [("0.0.0.0", None), ("::", None), ("192.0.2.1", None), ("a.example", None), ("127.0.0.1", "short")],
)
def test_others_need_a_token(host, token):
    with pytest.raises(BakeoffError, match="token"):
        check_address(host, token)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "[::1]", "localhost"])
def test_this_machine_needs_none(host):
    check_address(host, None)
    check_address("0.0.0.0", "a-long-secret")


def test_no_answer_waits_for_an_acknowledgement(client):
    """Without TCP_NODELAY, a client's delayed acknowledgement holds every answer of a kept connection for 40 ms."""
    connection, seconds = http.client.HTTPConnection("127.0.0.1", client.port), []
    for _ in range(60):
        start = time.perf_counter()
        connection.request("GET", "/model")
        connection.getresponse().read()
        seconds.append(time.perf_counter() - start)
    connection.close()
    assert min(seconds[40:]) < 0.03


def test_a_port_in_use_gives_one_sentence():
    with listen("127.0.0.1", 0) as taken, pytest.raises(BakeoffError, match="--port"):
        listen("127.0.0.1", taken.getsockname()[1])


def test_batches_are_bounded_and_errors_reach_those_who_wait():
    async def scenario() -> None:
        sizes = []

        def predict(images):
            sizes.append(len(images))
            if images.any():
                raise ValueError("broken")
            return np.zeros((len(images), 2))

        batcher = Batcher(predict, Limits(waiting=10, batch=4))
        good, bad = np.zeros((1, 2, 2), np.uint8), np.ones((1, 2, 2), np.uint8)
        waiting = [asyncio.create_task(batcher.probabilities(good)) for _ in range(10)]
        await asyncio.sleep(0)
        with pytest.raises(Refused) as refused:
            await batcher.probabilities(good)
        assert refused.value.status == 429
        waiting[3].cancel()
        task = asyncio.create_task(batcher.run())
        assert len(await asyncio.gather(*waiting, return_exceptions=True)) == 10
        assert sizes == [3, 4, 2]
        with pytest.raises(ValueError, match="broken"):
            await batcher.probabilities(bad)
        assert (await batcher.probabilities(good)).shape == (2,)
        task.cancel()
        batcher.thread.shutdown()

    with ThreadPoolExecutor(1) as thread:  # in this one, Playwright may have a loop already
        thread.submit(asyncio.run, scenario()).result()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_it_is_stopped(stop, store, photos):
    command = [sys.executable, "-m", "bakeoff", "serve", "linear", "--store", str(store), "--port", "0"]
    environment = os.environ | {"COLUMNS": "200"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as server:
        try:
            line = next(line for line in server.stderr if "http://" in line)
            address = next(word for word in line.split() if word.startswith("http://"))
            content = (photos / "warm" / "3.jpg").read_bytes()
            request = urllib.request.Request(f"{address}predict", content, {"Content-Type": "image/jpeg"})
            with urllib.request.urlopen(request, timeout=30) as answer:
                assert json.load(answer)["label"] in ("cold", "warm")
            server.send_signal(stop)
            assert "Traceback" not in server.stderr.read()
            assert server.wait(30) == 0
        finally:
            server.kill()
