"""The server: the application behind its guard, on a socket, until a signal ends it."""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from json import JSONDecodeError
from types import FrameType
from typing import Any

import msgspec
import uvicorn
import websockets  # noqa: F401  # uvicorn imports it when the first WebSocket is opened, which is too late to miss it
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.subscriptions.protocols.graphql_transport_ws.types import SubscribeMessage

from ..cqrs.stores.signals import end_waits
from .bulk import Bulk
from .connections import LimitedProtocol
from .desk import Desk
from .guard import Access, Body, Guard, Receive, Scope, Send, respond
from .pages import files
from .schema import Schema
from .work import Work, refusal
from .worker import Stopping, Worker

_INIT_SECONDS = 5
"""Within how many seconds a WebSocket must begin the protocol of GraphQL."""
_MOST_SUBSCRIPTIONS = 16
"""How many subscriptions one WebSocket may have."""
_LARGEST_MESSAGE = 64 * 1024
"""The largest message on a WebSocket, in bytes."""


_OUTCOME_UNKNOWN = Body(
    "application/json",
    msgspec.json.encode(
        {
            "data": None,
            "errors": [
                {
                    "message": "the server ends while the change waits, and records it if it can",
                    "extensions": {"code": "OUTCOME_UNKNOWN", "hint": "look whether the change was recorded"},
                }
            ],
        }
    ),
)


class _Socket(BaseGraphQLTransportWSHandler[Work, None]):
    """What happens on one WebSocket."""

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        """Begin a subscription, or refuse it. Strawberry would close the socket, and so end the others."""
        refused = _refused(message, len(self.operations))
        if refused is None or not self.connection_acknowledged or message["id"] in self.operations:
            await super().handle_subscribe(message)
        else:
            await self.send_message({"id": message["id"], "type": "error", "payload": [refused.formatted]})


def _refused(message: Mapping[str, Any], running: int) -> GraphQLError | None:
    """Return why a message begins no subscription; None if it does.

    Args:
        message: The message.
        running: How many subscriptions its WebSocket has.
    """
    if isinstance(message["id"], list | dict):
        raise KeyError("id")  # it is answered as one without an id
    payload = message.get("payload")
    if not isinstance(payload, dict):
        return refusal("the payload is not a JSON object", "INVALID")
    if not isinstance(payload.get("query"), str):
        return refusal("the query in the payload is missing, or not a text", "INVALID")
    if not isinstance(payload.get("variables"), dict | None):
        return refusal("the variables in the payload are not a JSON object", "INVALID")
    if not isinstance(payload.get("operationName"), str | None):
        return refusal("the operationName in the payload is not a text", "INVALID")
    if running >= _MOST_SUBSCRIPTIONS:
        return refusal(f"a WebSocket has at most {_MOST_SUBSCRIPTIONS} subscriptions", "TOO_MANY", "end one of them")
    return None


class Endpoint(GraphQL[Work, None]):
    """GraphQL over HTTP and WebSockets."""

    graphql_transport_ws_handler_class = _Socket

    def __init__(self, schema: Schema) -> None:
        """Serve a schema."""
        super().__init__(
            schema,
            graphql_ide=None,
            allow_queries_via_get=False,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=timedelta(seconds=_INIT_SECONDS),
        )
        self._schema = schema

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Work:
        """Begin a request."""
        return self._schema.work()

    async def execute_operation(self, *args: Any, **kwargs: Any) -> Any:
        """Execute one operation. Strawberry would stream the answer to clients that ask for that."""
        request_data = kwargs["request_data"]
        if not isinstance(request_data, GraphQLRequestData):
            raise TypeError("a batch of requests, which the configuration of the schema refuses")
        return await self.execute_single(*args, **kwargs)

    def decode_json(self, data: str | bytes) -> object:
        """Read a JSON object; Strawberry fails with other values, and a batch of requests is an array."""
        try:
            return msgspec.json.decode(data, type=dict[str, Any])
        except (ValueError, RecursionError) as error:
            raise JSONDecodeError("this is not a JSON object", "", 0) from error

    def encode_json(self, data: object) -> str:
        """Write JSON as a text, because the protocol of WebSockets wants messages of text, and bytes become other ones."""
        return msgspec.json.encode(data).decode()

    def create_response(
        self, response_data: GraphQLHTTPResponse | list[GraphQLHTTPResponse], sub_response: Response
    ) -> Response:
        """Make the response: 200, or 400 for a request of which nothing was executed."""
        response = super().create_response(response_data, sub_response)
        if isinstance(response_data, Mapping) and response_data.get("data") is None:
            errors: Sequence[Any] = response_data.get("errors") or ()
            if errors and not any(error.get("path") for error in errors):
                response.status_code = 400
        return response


def application(desk: Desk, worker: Worker, access: Access) -> Guard:
    """Return the application.

    Args:
        desk: The program that starts the server.
        worker: The thread that works with the store.
        access: Who may use the server.
    """
    schema = Schema(desk, worker)
    endpoint = Endpoint(schema)
    bulk = Bulk(schema.work)
    page = files()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/graphql" and scope.get("method", "POST") != "POST":
            await respond(send, 405, "GraphQL is reached with POST.", close=True, headers=[(b"allow", b"POST")])
        elif scope["path"] == "/graphql":
            try:
                await endpoint(scope, receive, send)
            except Stopping:
                await respond(send, 503, "The server ends.", close=True)
            except asyncio.CancelledError:  # a change takes long, and uvicorn would answer with the status 500
                if not worker.stopped or scope["type"] != "http":
                    raise
                await respond(send, 503, _OUTCOME_UNKNOWN, close=True)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        elif bulk.has(scope):
            try:
                await bulk(scope, receive, send)
            except Stopping:
                await respond(send, 503, "The server ends.", close=True)
        elif scope["path"] in page and scope["method"] in ("GET", "HEAD"):
            file = page[scope["path"]]
            await respond(send, 200, file.body, headers=[(b"content-security-policy", file.policy)])
        else:
            await respond(
                send, 404, "There is nothing here. The page is at /, GraphiQL at /graphiql, and GraphQL at /graphql."
            )

    return Guard(app, access, desk.report)


class _Server(uvicorn.Server):
    """A server that a signal ends in order."""

    def __init__(self, config: uvicorn.Config, worker: Worker, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._worker = worker
        self._started = started
        self.signal = 0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._started()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End when a signal comes. uvicorn would end the process by the same signal before the last change is recorded."""

        def end(number: int, _frame: FrameType | None) -> None:
            self.signal = number
            self.should_exit = True
            self._worker.refuse()
            end_waits()

        before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve(desk: Desk, listener: socket.socket, access: Access, started: Callable[[], None]) -> int:
    """Serve until a signal comes. A change that goes on then is recorded first.

    Args:
        desk: The program that starts the server.
        listener: The socket, which is bound.
        access: Who may use the server.
        started: Called when the server can be reached.

    Returns:
        The number of the signal.
    """
    worker = Worker()
    for name in ("uvicorn", "uvicorn.error", "strawberry"):  # the guard reports errors, and strangers fill no terminal
        logging.getLogger(name).setLevel(logging.CRITICAL)
    config = uvicorn.Config(
        application(desk, worker, access),
        http=LimitedProtocol,
        ws="websockets-sansio",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws_max_size=_LARGEST_MESSAGE,
        ws_per_message_deflate=False,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config, worker, started)
    server.run(sockets=[listener])
    worker.stop()
    return server.signal
