"""Time limits for connections, which uvicorn has only for those that wait for their next request.

Without them, clients that send a header byte by byte, or that never read a response, hold connections for ever.
"""

import asyncio
import socket
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 10.0
"""Within how many seconds the header of a request must arrive."""
WRITE_SECONDS = 30.0
"""Within how many seconds a client must read some of what it is sent."""
MOST_HALF_OPEN = 256
"""How many connections may wait for a header. The one that has waited longest is closed for the next."""

_half_open: dict["LimitedProtocol", None] = {}
"""The connections that wait for a header, in the order in which they began to."""


class LimitedProtocol(H11Protocol):
    """A connection that is closed if its client is too slow."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._header_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._upgraded = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows it, too
        """Begin to wait for the first request."""
        super().connection_made(transport)
        # asyncio does so only for sockets made with a protocol number; else the body waits 40 ms for an answer to the header
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._watch_header()

    def data_received(self, data: bytes) -> None:
        """Take what was sent, and note whether a request is still incomplete."""
        super().data_received(data)
        self._watch_header()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Leave the connection to the protocol of WebSockets, which has time limits."""
        self._upgraded = True
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all timers."""
        self._header_complete()
        self.resume_writing()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Begin to wait for a client that does not read."""
        super().pause_writing()
        self._write_timer = self.loop.call_later(WRITE_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """The client reads again."""
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None
        if self.flow is not None:
            super().resume_writing()

    def _watch_header(self) -> None:
        waits = not self._upgraded and (self.cycle is None or self.cycle.response_complete)
        if not waits or self.transport.is_closing():
            self._header_complete()
        elif self._header_timer is None:
            self._header_timer = self.loop.call_later(HEADER_SECONDS, self.transport.abort)
            _half_open[self] = None
            if len(_half_open) > MOST_HALF_OPEN:
                oldest = next(iter(_half_open))
                oldest._header_complete()
                oldest.transport.abort()

    def _header_complete(self) -> None:
        _half_open.pop(self, None)
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None
