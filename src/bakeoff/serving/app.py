"""The application: its paths and answers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bakeoff.errors import BakeoffError
from bakeoff.serving.batches import Batcher
from bakeoff.serving.guard import Guard, refusal
from bakeoff.serving.limits import Limits
from bakeoff.serving.openapi import description
from bakeoff.serving.responses import Served
from bakeoff.serving.uploads import Bodies, Refused

PAGE = Path(__file__).parent / "page"
STYLES = Path(__file__).parents[1] / "reporting" / "styles"
MOST_NEIGHBOURS = 20

Answer = Callable[[Request, np.ndarray], Awaitable[dict[str, Any]]]


def make_app(served: Served, limits: Limits, token: str | None = None) -> Guard:
    """Return the application that serves a model."""
    return Guard(_Application(served, limits).starlette(), token)


class _Application:
    def __init__(self, served: Served, limits: Limits):
        self.served = served
        self.limits = limits
        self.bodies = Bodies(limits)
        self.batcher = Batcher(served.model.probabilities, limits)
        self.decoder = ThreadPoolExecutor(1, "decoder")

    def starlette(self) -> Starlette:
        shared = [STYLES / f"{name}.css" for name in ("base", "tables", "narrow")]
        style = b"".join(path.read_bytes() for path in (*shared, PAGE / "page.css"))
        routes = [
            _file("/", (PAGE / "index.html").read_bytes(), "text/html; charset=utf-8"),
            _file("/page.js", (PAGE / "page.js").read_bytes(), "text/javascript; charset=utf-8"),
            _file("/page.css", style, "text/css; charset=utf-8"),
            Route("/openapi.json", lambda request: JSONResponse(description())),
            Route("/model", lambda request: JSONResponse(self.served.describe())),
            Route("/predict", self._handler(self._predict), methods=["POST"]),
            Route("/explain", self._handler(self._explain), methods=["POST"]),
        ]
        return Starlette(routes=routes, lifespan=self._lifespan, exception_handlers={HTTPException: _http_error})

    @contextlib.asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        batches = asyncio.create_task(self.batcher.run())
        try:
            yield
        finally:
            batches.cancel()
            for pool in (self.decoder, self.batcher.thread):
                pool.shutdown(wait=True, cancel_futures=True)

    def _handler(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            try:
                most = self.bodies.expected_size(request)
                with self.bodies.hold(most):
                    content = await self.bodies.read(request, most)
                    async with asyncio.timeout(self.limits.work_seconds):
                        loop = asyncio.get_running_loop()
                        pixels = await loop.run_in_executor(self.decoder, self.served.decode, content, self.limits)
                        return JSONResponse(await answer(request, pixels))
            except Refused as error:
                return refusal(error)
            except BakeoffError as error:
                return refusal(Refused(400, str(error)))
            except TimeoutError:
                return refusal(Refused(503, "the answer took too long: try again"))
            except ClientDisconnect:
                return refusal(Refused(400, "the client has gone"))

        return handle

    async def _predict(self, request: Request, pixels: np.ndarray) -> dict[str, Any]:
        return self.served.say(await self.batcher.probabilities(pixels))

    async def _explain(self, request: Request, pixels: np.ndarray) -> dict[str, Any]:
        method = request.query_params.get("method")
        if method is not None and method not in self.served.methods:
            raise Refused(400, f"expected a method of {', '.join(self.served.methods) or 'none'}")
        number = request.query_params.get("neighbours", "5")
        if not (number.isascii() and number.isdigit() and len(number) < 4 and int(number) <= MOST_NEIGHBOURS):
            raise Refused(400, f"expected a number of neighbours up to {MOST_NEIGHBOURS}")
        methods = (method,) if method else self.served.methods[:2]
        target = request.query_params.get("class")
        return await self.batcher.explain(self.served.explain, pixels, methods, target, int(number))


def _file(path: str, content: bytes, kind: str) -> Route:
    return Route(path, lambda request: Response(content, media_type=kind))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)
