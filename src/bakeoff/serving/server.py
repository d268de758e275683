"""The server: uvicorn, with added limits for slow clients and many clients. No torch."""

import asyncio
import socket
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from bakeoff.errors import BakeoffError
from bakeoff.serving.guard import Guard, is_loopback
from bakeoff.serving.limits import Limits

LATE, FULL = b"408 Request Timeout", b"429 Too Many Requests\r\nRetry-After: 1"


def check_address(host: str, token: str | None) -> None:
    """Check that a token is required if other machines can reach the server.

    Raises:
        BakeoffError: they can reach `host` without one.
    """
    if token is not None and (len(token) < 8 or not token.isascii() or not token.isprintable() or " " in token):
        raise BakeoffError("the token must have at least 8 characters: letters, digits and signs, without spaces")
    if not is_loopback(host) and token is None:
        raise BakeoffError(f"other machines can reach {host}: add --token with a secret of at least 8 characters")


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        BakeoffError: the address is in use, or not one of this machine.
    """
    name = host.strip("[]")
    family = socket.AF_INET6 if ":" in name else socket.AF_INET
    try:
        return socket.create_server((name, port), family=family, backlog=1024)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BakeoffError(f"cannot listen at {host}:{port} ({reason}): choose another --port or --host") from error


def make_server(app: Guard, limits: Limits) -> uvicorn.Server:
    """Return the server; `serve` or `run` it with sockets. Ctrl-C and SIGTERM let requests end first."""
    config = uvicorn.Config(
        app,
        http=_protocol(limits),
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="error",
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=limits.idle_seconds,
        timeout_graceful_shutdown=limits.goodbye_seconds,
        h11_max_incomplete_event_size=limits.head_bytes,
    )
    return uvicorn.Server(config)


def _protocol(limits: Limits) -> type[asyncio.Protocol]:
    """Return uvicorn's protocol with a deadline for each request's head and end, and a bound on connections."""

    class Bounded(H11Protocol):
        deadline: asyncio.TimerHandle | None = None
        begun: Any = None
        """The request that the deadline is for; None while its head is awaited."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            # asyncio leaves it off where the listening socket does not name its protocol
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if len(self.connections) > limits.connections:
                self._hang_up(FULL)
            else:
                self._expect(limits.head_seconds)

        def data_received(self, data: bytes) -> None:
            if self.transport.is_closing():
                return
            if self.deadline is None:
                self._expect(limits.head_seconds)
            super().data_received(data)
            self._follow()

        def _follow(self) -> None:
            """Extend the deadline of a request whose head has arrived."""
            if self.cycle is not None and self.cycle is not self.begun and not self.cycle.response_complete:
                self.begun = self.cycle
                self._expect(limits.request_seconds)

        def on_response_complete(self) -> None:
            self._cancel()
            super().on_response_complete()  # may begin the next request, if its head has arrived already
            self._follow()

        def connection_lost(self, exc: Exception | None) -> None:
            self._cancel()
            super().connection_lost(exc)

        def _expect(self, seconds: float) -> None:
            self._cancel()
            self.deadline = self.loop.call_later(seconds, self._too_late)

        def _cancel(self) -> None:
            if self.deadline is not None:
                self.deadline.cancel()
                self.deadline = None

        def _too_late(self) -> None:
            if self.cycle is None or self.cycle.response_complete:
                self._hang_up(LATE)
            else:
                self.transport.abort()

        def _hang_up(self, status: bytes) -> None:
            self.transport.write(b"HTTP/1.1 " + status + b"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            self.transport.close()

    return Bounded
