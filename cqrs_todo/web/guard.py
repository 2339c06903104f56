"""What every request must pass before the server looks at it.

A page of another site can make a browser send requests to this machine. So a name in a request is not trusted, and neither
is the address that it comes from: a request must name this server exactly, must not come from another site, and must carry
the token that the server printed.
"""

import asyncio
import hmac
import secrets
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import parse_qs

from ..cqrs.struct import Struct

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

LARGEST_BODY = 2**20
"""The largest body of a request, in bytes."""
_NO_TOKEN = (
    "The token is missing or wrong. Open the URL that the server printed, or send the header Authorization: Bearer TOKEN."
)
_BODY_SECONDS = 10.0
"""Within how many seconds the body of a request must arrive."""
_MOST_SOCKETS = 32
"""How many WebSockets may be open at a time. Each tab of a browser needs one."""

HEADERS: Sequence[tuple[bytes, bytes]] = (
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
"""The headers of every response that does not set them itself."""


class Access(Struct, frozen=True):
    """Who may use the server.

    Args:
        hosts: What the header `Host` may be: names of this machine with the port, in lower case.
        port: The port, which is in the name of the cookie, because browsers give a cookie to every port of a machine.
        token: The secret that programs send as a bearer token, and people as a part of the URL that they open first.
        session: The secret in the cookie that people get for the token.
    """

    hosts: frozenset[str]
    port: int
    token: str
    session: str

    @classmethod
    def for_hosts(cls, names: Sequence[str], port: int) -> "Access":
        """Make new secrets for a server.

        Args:
            names: The names and addresses of the server, without a port.
            port: Its port.
        """
        shown = [f"[{name}]" if ":" in name else name.lower() for name in names]
        hosts = {f"{name}:{port}" for name in shown}
        if port == 80:  # browsers leave it out
            hosts |= set(shown)
        return cls(frozenset(hosts), port, secrets.token_urlsafe(32), secrets.token_urlsafe(32))

    @property
    def cookie(self) -> str:
        """The name of the cookie."""
        return f"cqrs-todo-{self.port}"

    @property
    def origins(self) -> frozenset[str]:
        """What the header `Origin` may be."""
        return frozenset(f"http://{host}" for host in self.hosts)

    def admits(self, headers: "_Headers") -> bool:
        """Return whether a request carries the token or the cookie."""
        scheme, _, given = headers.one("authorization").partition(" ")
        if scheme.lower() == "bearer" and _same(given.strip(), self.token):
            return True
        # not with Python's parser, which reads nothing after a cookie that another program on this machine has set wrongly
        cookies = (part.strip().partition("=") for part in headers.one("cookie").split(";"))
        return any(name == self.cookie and _same(value, self.session) for name, _, value in cookies)


class _Headers:
    """The headers of a request.

    A header that comes twice counts as a wrong one, because programs differ in which they use.
    """

    def __init__(self, scope: Scope) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            self._values.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))

    def one(self, name: str) -> str:
        """Return the value of a header; '' if it is missing or comes twice."""
        values = self._values.get(name, [])
        return values[0] if len(values) == 1 else ""

    def has(self, name: str) -> bool:
        return name in self._values


class _Refused(Exception):
    """A request is refused.

    Args:
        status: The status of the response.
        why: What is wrong and what to do, for a person.
    """

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


class Guard:
    """Lets only those requests through to an application that may use the server."""

    def __init__(self, app: App, access: Access, report: Callable[[Exception], None]) -> None:
        """Put a guard before an application.

        Args:
            app: The application.
            access: Who may use it.
            report: Takes an error that nobody foresaw, whose text no client sees.
        """
        self._app = app
        self._access = access
        self._report = report
        self._sockets = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, as ASGI says."""
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        elif scope["type"] == "http":
            await self._request(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def with_headers(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                own = list(message.get("headers", ()))
                names = {name for name, _ in own}
                message["headers"] = [*own, *(header for header in HEADERS if header[0] not in names)]
            await send(message)

        try:
            headers = self._check(scope)
            if scope["path"] == "/" and scope["query_string"]:
                await self._exchange(scope, with_headers)
                return
            if not self._access.admits(headers):
                raise _Refused(401, _NO_TOKEN)
            await self._app(scope, await _with_body(scope, headers, receive), with_headers)
        except _Refused as refused:
            await respond(with_headers, refused.status, refused.why, close=True)
        except Exception as error:
            self._report(error)
            if begun:  # the response cannot be completed, and the server closes the connection
                raise
            await respond(
                with_headers, 500, "An error in the server. It was reported on the terminal of the server.", close=True
            )

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            headers = self._check(scope)
            if not headers.one("origin"):  # browsers always send it
                raise _Refused(403, "a WebSocket needs the header Origin")
            if not self._access.admits(headers):
                raise _Refused(401, "the token is missing or wrong")
            if self._sockets >= _MOST_SOCKETS:
                raise _Refused(503, "too many WebSockets are open")
        except _Refused:
            await receive()
            await send({"type": "websocket.close", "code": 1008})  # before it was accepted, this is the status 403
            return
        self._sockets += 1
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            self._report(error)
            raise
        finally:
            self._sockets -= 1

    def _check(self, scope: Scope) -> _Headers:
        """Check that a request names this server, and does not come from another site."""
        headers = _Headers(scope)
        if headers.one("host").lower() not in self._access.hosts:
            raise _Refused(403, "The header Host does not name this server.")
        if headers.has("origin") and headers.one("origin").lower() not in self._access.origins:
            raise _Refused(403, "The request comes from another site.")
        if headers.has("sec-fetch-site") and headers.one("sec-fetch-site") not in ("same-origin", "none"):
            raise _Refused(403, "The request comes from another site.")
        return headers

    async def _exchange(self, scope: Scope, send: Send) -> None:
        """Give the cookie for the token in the URL, and lead to the URL without it."""
        if scope["method"] != "GET":
            raise _Refused(405, "Only GET is possible here.")
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])
        if len(given) != 1 or not _same(given[0], self._access.token):
            raise _Refused(401, "The token in the URL is wrong. Open the URL that the server printed last.")
        cookie = f"{self._access.cookie}={self._access.session}; HttpOnly; SameSite=Strict; Path=/"
        await respond(send, 303, "", headers=[(b"location", b"/"), (b"set-cookie", cookie.encode())])


async def _with_body(scope: Scope, headers: _Headers, receive: Receive) -> Receive:
    """Read the body of a request, and return a function that gives it to the application.

    Raises:
        _Refused: The body is too large, or does not arrive in time.
    """
    if (
        scope["method"] not in ("GET", "HEAD")
        and headers.one("content-type").partition(";")[0].strip().lower() != "application/json"
    ):
        raise _Refused(415, "The body must be JSON: send the header Content-Type: application/json.")
    too_large = _Refused(413, f"The body is larger than {LARGEST_BODY:,} bytes.")
    length = headers.one("content-length")
    if length.isdecimal() and int(length[:20]) > LARGEST_BODY:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    break
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > LARGEST_BODY:
                    raise too_large
    except TimeoutError:
        raise _Refused(408, f"The body did not arrive within {_BODY_SECONDS:.0f} seconds.") from None
    given = False

    async def give() -> Message:
        nonlocal given
        if given:
            return await receive()  # that the client is gone
        given = True
        return {"type": "http.request", "body": bytes(body), "more_body": False}

    return give


class Body(Struct, frozen=True):
    """The body of a response.

    Args:
        type: Its media type.
        content: Its bytes.
    """

    type: str
    content: bytes


async def respond(
    send: Send, status: int, body: str | Body, *, close: bool = False, headers: Sequence[tuple[bytes, bytes]] = ()
) -> None:
    """Send a complete response.

    Args:
        send: Sends messages of ASGI.
        status: The status.
        body: The body, or a text for a person.
        close: Whether to close the connection, so that nothing more is read from it.
        headers: More headers.
    """
    if isinstance(body, str):
        body = Body("text/plain; charset=utf-8", f"{body}\n".encode() if body else b"")
    own = [(b"content-type", body.type.encode()), (b"content-length", str(len(body.content)).encode())]
    if close:
        own.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": [*own, *headers]})
    await send({"type": "http.response.body", "body": body.content})


def _same(given: str, secret: str) -> bool:
    """Return whether two texts are the same, in a time that does not tell how much of them is."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), secret.encode())
