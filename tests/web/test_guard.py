"""Attacks on the server: each is refused, and none of them changes anything or reads a todo."""

import asyncio
import contextlib
import gzip
import http.client
import json
import os
import socket
import sys
import time
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import uvicorn
from uvicorn.server import ServerState
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from cqrs_todo.web import schema
from cqrs_todo.web.connections import MOST_HALF_OPEN, WRITE_SECONDS, LimitedProtocol
from cqrs_todo.web.guard import LARGEST_BODY, Access
from tests.web.conftest import Reply, Server, finished

SECRET = "the secret of the attacked"
READ = '{"query": "{ allTodos(first: 1000) { edges { node { description } } } }"}'
WRITE = '{"query": "mutation { newTodo(text: \\"attacked\\") { id } }"}'
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module", autouse=True)
def secret(server: Server) -> None:
    server("mutation($text: String!) { newTodo(text: $text) { id } }", text=SECRET)


@pytest.fixture(autouse=True)
def nothing_is_changed(server: Server) -> Iterator[None]:
    recorded = server.todo.content()
    yield
    assert server.todo.content() == recorded
    assert server("{ apiVersion }") == {"apiVersion": "1.0"}, "it still answers"


def attack(server: Server, headers: Mapping[str, str], body: str = WRITE, path: str = "/graphql") -> Reply:
    reply = server.request("POST", path, headers, body.encode())
    assert reply.status in (400, 401, 403, 404, 405, 413, 415), reply.status
    assert SECRET.encode() not in reply.body
    assert "access-control-allow-origin" not in {name.lower() for name in reply.headers}
    return reply


# other sites


def foreign_hosts(server: Server) -> list[str]:
    port = server.port
    return [
        f"evil.example:{port}",  # DNS rebinding
        "evil.example",
        "127.0.0.1",  # without the port
        "localhost",
        f"127.0.0.1:{port + 1}",
        f"localhost.:{port}",
        f"127.0.0.1.evil.example:{port}",
        f"127.0.0.1:{port}.evil.example",
        f"127.0.0.1:{port}@evil.example",
        f"127.1:{port}",
        f"0.0.0.0:{port}",
        f"2130706433:{port}",
        f"[::ffff:127.0.0.1]:{port}",
        f"127.0.0.1:0{port}",
        f"LOCALHOST.EVIL:{port}",
        "",
    ]


def foreign_origins(server: Server) -> list[str]:
    port = server.port
    return [
        "http://evil.example",
        f"http://evil.example:{port}",
        "null",
        "file://",
        "http://127.0.0.1",
        f"https://127.0.0.1:{port}",
        f"http://127.0.0.1:{port + 1}",
        f"http://127.0.0.1:{port}.evil.example",
        f"http://127.0.0.1:{port}/",
        f"http://localhost:{port}@evil.example",
        "chrome-extension://abc",
        "",
    ]


def test_a_host_that_does_not_name_this_server_is_refused(server: Server) -> None:
    for host in foreign_hosts(server):
        for body in (READ, WRITE):
            assert attack(server, {**server.authorization, **JSON, "Host": host}, body).status in (400, 403), host


def test_an_origin_of_another_site_is_refused(server: Server) -> None:
    for origin in foreign_origins(server):
        for body in (READ, WRITE):
            assert attack(server, {**server.authorization, **JSON, "Origin": origin}, body).status == 403, origin


@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "unknown"])
def test_a_request_that_the_browser_says_comes_from_another_site_is_refused(server: Server, site: str) -> None:
    assert attack(server, {**server.authorization, **JSON, "Sec-Fetch-Site": site}).status == 403
    assert server.request("GET", "/", {**server.authorization, "Sec-Fetch-Site": site}).status == 403


def test_a_header_that_comes_twice_is_refused(server: Server) -> None:
    for name, other in (("Host", "evil.example"), ("Origin", "http://evil.example"), ("Authorization", "Bearer x")):
        own = {"Host": server.host, "Origin": f"http://{server.host}", **server.authorization}
        for first, second in ((own[name], other), (other, own[name])):
            lines = [f"{each}: {own[each]}" for each in own if each != name]
            lines += [f"{name}: {first}", f"{name}: {second}", *(f"{key}: {value}" for key, value in JSON.items())]
            status = raw(server, "\r\n".join(["POST /graphql HTTP/1.1", *lines, f"Content-Length: {len(WRITE)}", "", WRITE]))
            assert status in (400, 401, 403), (name, first)


def test_a_preflight_gets_no_permission(server: Server) -> None:
    headers = {
        "Origin": "http://evil.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    reply = server.request("OPTIONS", "/graphql", headers)
    assert reply.status == 403
    assert not [name for name in reply.headers if name.lower().startswith("access-control")]


# the token


def test_without_the_right_token_nothing_is_answered(server: Server) -> None:
    token = server.token
    wrong = ["", token[:-1], token + "x", token.swapcase(), "null", "é", "*", f"{token},{token}", " "]
    for value in [f"Bearer {each}" for each in wrong] + [token, f"Basic {token}", f"Bearer{token}", "Bearer"]:
        assert attack(server, {**JSON, "Authorization": value.encode().decode("latin-1")}).status == 401, value
    for name in (f"cqrs-todo-{server.port}", f"cqrs-todo-{server.port + 1}", "token"):
        assert attack(server, {**JSON, "Cookie": f"{name}={token}"}).status == 401  # the token is not the cookie
    assert attack(server, JSON, path=f"/graphql?token={token}").status == 401
    for path in ("/", "/graphql", "/graphiql", "/anything", "/?token=x", "/?token=", f"/?token={token}&token={token}"):
        assert server.request("GET", path).status == 401, path


def test_the_token_is_exchanged_for_a_cookie_of_this_port_that_scripts_cannot_read(server: Server) -> None:
    reply = server.request("GET", f"/?token={server.token}")
    assert (reply.status, reply.headers["location"]) == (303, "/")
    cookie, *attributes = reply.headers["set-cookie"].split("; ")
    name, value = cookie.split("=", 1)
    assert name == f"cqrs-todo-{server.port}"
    assert sorted(attributes) == ["HttpOnly", "Path=/", "SameSite=Strict"]
    assert value != server.token
    own = {
        **JSON,
        "Cookie": f'other={{"a": "b c"}}; {cookie}; more',
        "Origin": f"http://{server.host}",
        "Sec-Fetch-Site": "same-origin",
    }
    assert server.request("POST", "/graphql", own, READ.encode()).status == 200
    attack(server, {**own, "Origin": "http://evil.example"})
    attack(server, {**own, "Sec-Fetch-Site": "cross-site"})
    attack(server, {**own, "Host": f"evil.example:{server.port}"})


def test_the_token_is_in_no_answer_and_every_answer_has_the_protecting_headers(server: Server) -> None:
    replies = [
        server.request("GET", "/", server.authorization),
        server.request("GET", "/nothing", server.authorization),
        server.request("GET", "/"),
        server.post({"query": "{ apiVersion }"}),
        server.post({"query": "{"}),
    ]
    for reply in replies:
        headers = {name.lower(): value for name, value in reply.headers.items()}
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers
        assert server.token not in str(headers) + reply.body.decode()


def test_two_servers_have_different_secrets() -> None:
    first, second = (Access.for_hosts(["localhost"], 2777) for _ in range(2))
    assert len({first.token, first.session, second.token, second.session}) == 4
    assert min(map(len, (first.token, first.session))) >= 43


# WebSockets


def websocket(server: Server, host: str | None = None, **headers: str) -> ClientConnection:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    origin = named.pop("Origin", None)
    return connect(
        f"ws://{host or server.host}/graphql",
        sock=socket.create_connection(("127.0.0.1", server.port)),
        subprotocols=[Subprotocol("graphql-transport-ws")],
        origin=None if origin is None else Origin(origin),
        additional_headers=named,
        open_timeout=20,
        proxy=None,
    )


def test_a_websocket_needs_the_origin_of_this_server_and_the_token(server: Server) -> None:
    own = f"http://{server.host}"
    port = server.port
    attacks: list[tuple[str | None, dict[str, str]]] = [
        (None, {**server.authorization}),  # without an Origin
        (f"evil.example:{port}", {**server.authorization, "Origin": f"http://evil.example:{port}"}),  # DNS rebinding
        (None, {"Origin": own}),
        (None, {"Origin": own, "Authorization": "Bearer x"}),
        (None, {"Origin": own, "Cookie": f"cqrs-todo-{port}={server.token}"}),
        (None, {**server.authorization, "Origin": own, "Sec_Fetch_Site": "cross-site"}),
        *((None, {**server.authorization, "Origin": origin}) for origin in foreign_origins(server) if origin),
    ]
    for host, headers in attacks:
        with pytest.raises(InvalidStatus) as refused, websocket(server, host, **headers):
            pass
        assert refused.value.response.status_code == 403, headers
    with websocket(server, Origin=own, **server.authorization) as socket_:
        socket_.send('{"type": "connection_init"}')
        assert json.loads(socket_.recv(timeout=20)) == {"type": "connection_ack"}


def test_a_websocket_cannot_change_anything_nor_stay_silent_nor_send_what_it_likes(server: Server) -> None:
    own = {"Origin": f"http://{server.host}", **server.authorization}
    with websocket(server, **own) as socket_:
        socket_.send('{"type": "connection_init"}')
        socket_.recv(timeout=20)
        for query in (json.loads(WRITE)["query"], json.loads(READ)["query"]):
            socket_.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": query}}))
            answered = socket_.recv(timeout=20)
            assert SECRET not in str(answered)
            assert json.loads(answered)["type"] == "error"
    for message in ("{", "[]", "1", '{"type": "nothing"}', b"\xff\xfe", "x" * 100_000, "[" * 50_000):
        with websocket(server, **own) as socket_:
            socket_.send(message)
            with pytest.raises(WebSocketException):
                socket_.recv(timeout=20)


# large and deep requests


def test_a_large_body_is_refused_also_in_chunks_and_with_a_false_length(server: Server) -> None:
    headers = {**server.authorization, **JSON}
    body = json.dumps({"query": "{ apiVersion }", "padding": "x" * LARGEST_BODY}).encode()
    assert raw_body(server, headers | {"Content-Length": str(len(body))}, body) == 413
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:600_000], body[600_000:])) + b"0\r\n\r\n"
    assert raw_body(server, headers | {"Transfer-Encoding": "chunked"}, chunks) == 413
    assert raw_body(server, headers | {"Content-Length": str(10**12)}, b"{") == 413
    assert raw_body(server, headers | {"Content-Length": "-1"}, b"{") == 400
    both = headers | {"Content-Length": "5", "Transfer-Encoding": "chunked"}
    assert raw_body(server, both, b"0\r\n\r\n") in (400, 403, 200)
    exactly = json.dumps({"query": "{ apiVersion }"}).encode().ljust(LARGEST_BODY)
    assert server.request("POST", "/graphql", headers, exactly).status == 200


def test_a_compressed_body_is_not_unpacked(server: Server) -> None:
    bomb = gzip.compress(b" " * 50_000_000 + WRITE.encode())
    assert len(bomb) < LARGEST_BODY
    for encoding in ("gzip", "deflate", "br", "zstd", "identity, gzip"):
        headers = {**server.authorization, **JSON, "Content-Encoding": encoding, "Content-Length": str(len(bomb))}
        assert raw_body(server, headers, bomb) == 400, encoding
    chunked = {**server.authorization, **JSON, "Transfer-Encoding": "gzip, chunked"}
    assert raw_body(server, chunked, b"%x\r\n%s\r\n0\r\n\r\n" % (len(bomb), bomb)) in (400, 501)


def test_messages_of_a_websocket_are_not_compressed(server: Server) -> None:
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    lines = [f"Host: {server.host}", f"Origin: http://{server.host}", f"Authorization: Bearer {server.token}", key]
    lines += ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
    lines += ["Sec-WebSocket-Protocol: graphql-transport-ws", "Sec-WebSocket-Extensions: permessage-deflate"]
    packed = zlib.compress(b" " * 50_000_000)[:60_000]
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall("\r\n".join(["GET /graphql HTTP/1.1", *lines, "", ""]).encode())
        head = connection.recv(4096)
        assert b" 101 " in head
        assert b"extensions" not in head.lower()
        length = len(packed).to_bytes(2, "big")
        connection.sendall(b"\xc1\xfe" + length + b"\0\0\0\0" + packed)  # with the bit that says that it is compressed
        answered = connection.recv(4096)
        assert answered[:1] == b"\x88", "it is closed"
        assert int.from_bytes(answered[2:4], "big") == 1002, "a breach of the protocol"


@pytest.mark.parametrize(
    "lines",
    [
        [f"X-{number}: {'x' * 50}" for number in range(3_000)],
        ["X: " + "x" * 200_000],
        ["Cookie: " + "; ".join(f"c{number}=x" for number in range(20_000))],
        ["Authorization: Bearer " + "x" * 200_000],
        ["x" * 200_000],
    ],
    ids=["many", "long", "cookies", "token", "name"],
)
def test_a_large_header_is_refused(server: Server, lines: list[str]) -> None:
    text = "\r\n".join(["POST /graphql HTTP/1.1", f"Host: {server.host}", *lines, "", ""])
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        try:
            connection.sendall(text.encode())
            answered = connection.recv(4096)
        except ConnectionError:  # it is closed while the rest is sent
            return
    assert not answered or int(answered.split(b" ", 2)[1]) in (400, 401, 431)


OUTSIDE = (
    *("/../server.py", "/page/../../server.py", "/page/..%2f..%2fserver.py", "/page/%2e%2e/%2e%2e/server.py"),
    *("/page/....//....//server.py", "/page/..\\..\\server.py", "/page/%2e%2e%5cserver.py", "/page/%252e%252e/server.py"),
    *("//etc/passwd", "/page//etc/passwd", "/page/%2fetc%2fpasswd", "/graphiql/../page/app.js", "/page/app.js%00.html"),
    *("/page/app.js/", "/page/./app.js", "/Page/app.js", "/page/app.js;x", "/static/..", "/page/", "/page", "/.git/config"),
    *("/page/\u002e\u002e/server.py", "/page/%c0%ae%c0%ae/server.py", "file:///etc/passwd", "/page/../__init__.py"),
)


@pytest.mark.parametrize("path", OUTSIDE)
def test_no_path_leads_to_a_file_that_is_not_served(server: Server, path: str) -> None:
    head = [f"GET {path} HTTP/1.1", f"Host: {server.host}", f"Authorization: Bearer {server.token}", "Connection: close"]
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall("\r\n".join([*head, "", ""]).encode())
        answered = b"".join(iter(lambda: connection.recv(2**16), b""))
    assert int(answered.split(b" ", 2)[1]) in (400, 404), path
    assert b"import" not in answered
    assert b"root:" not in answered


def test_the_token_is_in_no_file_and_in_no_command_line(server: Server) -> None:
    for folder, _, files in os.walk(server.todo.home):
        for name in files:
            content = Path(folder, name).read_bytes()
            assert server.token.encode() not in content, name
    for file in ("cmdline", "environ") if sys.platform == "linux" else ():
        assert server.token.encode() not in Path(f"/proc/{server.process.pid}/{file}").read_bytes()


def nested(depth: int) -> str:
    return "{ list { todo(id: 1) " + "{ children " * depth + "{ id }" + " }" * depth + " } }"


DOUBLING = "query { ...F0 } " + " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(40))
DOUBLING += " fragment F40 on Query { apiVersion }"
CIRCLE = "query { ...A } fragment A on Query { ...B } fragment B on Query { ...A }"
ATTACKS = {
    "deep": nested(20),
    "very deep": nested(20_000),
    "brackets": "{" * 100_000,
    "brackets in a value": "{ todo(id: " + "[" * 100_000 + " }",
    "aliases": "{ " + " ".join(f"a{n}: apiVersion" for n in range(schema.MOST_ALIASES + 1)) + " }",
    "5,000 aliases": "{ " + " ".join(f"a{n}: apiVersion" for n in range(5_000)) + " }",
    "aliased mutations": "mutation { " + " ".join(f'a{n}: newTodo(text: "attacked") {{ id }}' for n in range(60)) + " }",
    "one field 5,000 times": "{ " + "apiVersion " * 5_000 + "}",
    "tokens": "{ " + "apiVersion " * schema.MOST_TOKENS + "}",
    "fragments that double": DOUBLING,
    "a circle of fragments": CIRCLE,
    "an unknown fragment": "{ ...Nothing }",
    "directives": "{ apiVersion " + "@include(if: true) " * 2_000 + "}",
    "unknown fields": "{ " + " ".join(f"unknown{n}" for n in range(1_500)) + " }",
    "a number that Python does not read": f"{{ todo(id: {'9' * 5_000}) {{ history(first: {'9' * 5_000}) {{ words }} }} }}",
    "deep introspection": "{ __schema { types " + "{ fields { type " * 5 + "{ name }" + " } }" * 5 + " } }",
    "a subscription": "subscription { events { position } }",
    "two operations": 'query A { apiVersion } mutation B { newTodo(text: "attacked") { id } }',
}


@pytest.mark.parametrize("query", ATTACKS.values(), ids=ATTACKS)
def test_a_query_that_would_cost_too_much_is_refused_before_it_is_executed(server: Server, query: str) -> None:
    reply = server.post({"query": query})
    assert reply.status == 400
    errors = reply.body.decode()
    assert "Traceback" not in errors
    assert "File " not in errors
    assert '"code":"INTERNAL"' not in errors


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"1",
        b"[]",
        b'"x"',
        b"{}",
        b'{"query": null}',
        b'{"query": 1}',
        b'{"query": ["{ apiVersion }"]}',
        b'{"query": "{ apiVersion }", "variables": 1}',
        b'{"query": "{ apiVersion }", "variables": "x"}',
        b'{"query": "{ apiVersion }", "operationName": 7}',
        b'{"query": "{ apiVersion }", "operationName": "missing"}',
        b'[{"query": "{ apiVersion }"}, {"query": "{ apiVersion }"}]',
        b"\xff\xfe",
        b'{"query": "\\ud800"}',
        b'{"query": "{ apiVersion }", "extensions": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"[" * 1_000_000,
    ],
)
def test_a_body_that_is_no_request_is_refused(server: Server, body: bytes) -> None:
    assert server.request("POST", "/graphql", {**server.authorization, **JSON}, body).status == 400


def test_a_request_that_returns_too_much_is_cut_off(server: Server) -> None:
    parts = " ".join(f"a{n}: list {{ todos(first: 1000) {{ edges {{ node {{ id }} }} }} }}" for n in range(40))
    assert "errors" not in server.answer(f"{{ {parts} }}"), "few todos are not too much"
    one = json.dumps({"query": "{ allTodos(first: 2147483647) { edges { node { id } } } }"}).encode()
    assert server.request("POST", "/graphql", {**server.authorization, **JSON}, one).status == 200


# slow clients


def raw(server: Server, text: str) -> int:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(text.encode("latin-1"))
        return int(connection.recv(4096).split(b" ", 2)[1])


def raw_body(server: Server, headers: Mapping[str, str], body: bytes) -> int:
    lines = ["POST /graphql HTTP/1.1", f"Host: {server.host}", *(f"{name}: {value}" for name, value in headers.items())]
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        with contextlib.suppress(ConnectionError):  # it may be closed while the rest is sent
            connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        return int(connection.recv(4096).split(b" ", 2)[1])


def test_what_is_not_http_is_refused(server: Server) -> None:
    for text in (
        "GET / HTTP/9.9\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\r\n\r\n",
        "GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: {server.host}\r\nX: {'x' * 100_000}\r\n\r\n",
        "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n",
    ):
        assert raw(server, text) in (400, 401, 403, 431), text[:40]


def half_open(server: Server, number: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    connection.sendall((b"", b"GET / HTTP/1.1\r\nHost: ", b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Le")[number % 3])
    return connection


def is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(100) == b""
    except ConnectionResetError:
        return True
    finally:
        connection.close()


def test_of_the_connections_that_begin_and_do_not_go_on_only_the_newest_are_kept(server: Server) -> None:
    waiting = [half_open(server, number) for number in range(MOST_HALF_OPEN + 44)]
    assert server("{ apiVersion }") == {"apiVersion": "1.0"}
    assert all(is_closed(connection) for connection in waiting[:44])
    for connection in waiting[44:]:
        connection.close()


@pytest.mark.long
def test_connections_that_do_not_go_on_are_closed_in_time(server: Server) -> None:
    waiting = [half_open(server, number) for number in range(30)]
    begun = time.monotonic()
    body = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    head = [f"Host: {server.host}", "Content-Type: application/json", "Content-Length: 100"]
    head += [f"Authorization: Bearer {server.token}"]
    body.sendall("\r\n".join(["POST /graphql HTTP/1.1", *head, "", "{"]).encode())
    for place in range(8):  # byte by byte is not faster
        time.sleep(1)
        body.sendall(b" ")
        for connection in waiting[:10]:
            connection.sendall(b"G" if place else b"")
    assert all(map(is_closed, waiting))
    assert b" 408 " in body.recv(100)
    body.close()
    assert time.monotonic() - begun < 30


@pytest.mark.long
def test_a_client_that_never_reads_is_closed(server: Server) -> None:
    adding = 'mutation($todos: [NewTodo!]!) { add(todos: $todos, list: "unread") { commits } }'
    for _ in range(10):
        server(adding, todos=[{"text": "x", "note": "x" * 5_000}] * 100)
    body = b'{"query": "{ list(name: \\"unread\\") { todos(first: 1000) { edges { node { note } } } } }"}'
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", server.port))
    head = [f"Host: {server.host}", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    connection.sendall(
        "\r\n".join(["POST /graphql HTTP/1.1", *head, f"Authorization: Bearer {server.token}", "", ""]).encode()
    )
    connection.sendall(body)
    time.sleep(WRITE_SECONDS + 5)
    received = 0
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(2**16):
            received += len(part)
    connection.close()
    assert received < 5_000_000, "the rest was not kept for it"


def test_no_part_of_a_response_waits_for_the_client_to_confirm_the_part_before() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    accepted: list[LimitedProtocol] = []

    def protocol() -> LimitedProtocol:
        config = uvicorn.Config(lambda: None, lifespan="off", log_config=None)
        config.load()
        accepted.append(LimitedProtocol(config, ServerState(), {}))
        return accepted[0]

    async def connect_once() -> int:
        server = await asyncio.get_running_loop().create_server(protocol, sock=listener)
        async with server:
            _, writer = await asyncio.open_connection(*listener.getsockname())
            while not accepted or accepted[0].transport is None:
                await asyncio.sleep(0)
            set_: int = accepted[0].transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            writer.close()
            return set_

    assert finished(connect_once())


def test_a_client_may_pipeline_and_keep_its_connection(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    for _ in range(3):
        connection.request("POST", "/graphql", READ, {**server.authorization, **JSON})
        assert SECRET.encode() in connection.getresponse().read()
    connection.close()


def test_the_limits_are_the_same_rules_each_time_so_that_a_checked_query_is_found_again() -> None:
    made = schema.Schema()
    first, second = (
        [rule for each in made.get_extensions() for rule in getattr(each, "validation_rules", ())] for _ in range(2)
    )
    assert len(first) == 2
    assert first == second
