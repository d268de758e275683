import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="uvicorn is not installed: pip install 'bakeoff[serve]'")
pytest.importorskip("starlette", reason="starlette is not installed: pip install 'bakeoff[serve]'")
pytest.importorskip("captum", reason="captum is not installed: pip install 'bakeoff[serve]'")

from bakeoff.inference.choice import load_model
from bakeoff.inference.neighbours import open_neighbours
from bakeoff.serving.app import make_app
from bakeoff.serving.limits import Limits
from bakeoff.serving.responses import Served
from bakeoff.serving.server import listen, make_server


@dataclass
class Client:
    """Asks a server that runs in a thread of this process."""

    port: int

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
        """Return the status and the response, parsed if it is JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            named.setdefault("Content-Type", "image/jpeg")
        connection.request("GET" if body is None else "POST", path, body, named)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        is_json = answer.headers.get_content_type() == "application/json"
        return answer.status, json.loads(content) if is_json else content

    def raw(self, content: bytes, seconds: float = 10) -> bytes:
        """Send bytes, and return the response until the server closes the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as connection:
            connection.sendall(content)
            found = b""
            while part := connection.recv(65536):
                found += part
        return found


@contextmanager
def running(served: Served, limits: Limits | None = None, token: str | None = None) -> Iterator[Client]:
    limits = limits or Limits()
    with listen("127.0.0.1", 0) as listening:
        server = make_server(make_app(served, limits, token), limits)
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield Client(listening.getsockname()[1])
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def served(store) -> Served:
    model = load_model("lenet-afif", store)
    return Served(model, "lenet-afif", ("gradcam", "gradients"), open_neighbours(model))


@pytest.fixture(scope="session")
def serve(served) -> Callable[..., Any]:
    """Run a server in the block: `with serve(limits, token) as client`."""
    return lambda limits=None, token=None: running(served, limits, token)


@pytest.fixture(scope="session")
def client(serve) -> Iterator[Client]:
    with serve() as client:
        yield client
