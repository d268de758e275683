"""Access control: checks every request before it is handled, and adds headers to every response. No torch."""

import hmac
import ipaddress
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bakeoff.serving.uploads import Refused

OPEN = {"/", "/page.js", "/page.css", "/openapi.json"}
"""Paths that need no token: they reveal nothing about the model."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self)",
    "Cache-Control": "no-store",
}


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach a server at an address."""
    name = host.strip("[]").lower()
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class Guard:
    """Wraps an application.

    Args:
        app: the application.
        token: the secret that requests must send. Without one, they must be addressed to this machine by name, which
            prevents DNS rebinding: no other site can reach the server through a visitor's browser.
    """

    def __init__(self, app: ASGIApp, token: str | None = None):
        self.app = app
        self.token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        try:
            self._check(scope["path"], Headers(scope=scope))
        except Refused as error:
            return await refusal(error)(scope, receive, with_headers)
        return await self.app(scope, receive, with_headers)

    def _check(self, path: str, headers: Headers) -> None:
        host = headers.get("host", "")
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2].lower() != host.lower():
            raise Refused(403, "requests from other sites are refused")
        if self.token is None:
            if not is_loopback(_name_of(host)):
                raise Refused(421, "this server answers only to 127.0.0.1 and localhost")
        elif path not in OPEN:
            scheme, _, given = headers.get("authorization", "").partition(" ")
            fits = hmac.compare_digest(given.strip().encode(), self.token.encode())
            if scheme.lower() != "bearer" or not fits:
                raise Refused(401, "expected the token: Authorization: Bearer TOKEN")


def _name_of(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def refusal(error: Refused) -> JSONResponse:
    """Return the answer to a request that is refused."""
    headers: dict[str, Any] = {}
    if error.status in (429, 503):
        headers["Retry-After"] = "1"
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if error.status in (408, 413):
        headers["Connection"] = "close"  # what is left of the body is not read
    return JSONResponse({"error": str(error)}, error.status, headers)
