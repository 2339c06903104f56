"""A page of todos over GraphQL as graphql-core alone does it: parsed and validated once, and every value is a constant.

It is served by uvicorn without a guard. No server with graphql-core does less for such a page. Argument: the port.
"""

import sys
from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from typing import Any, TypeAlias

import msgspec
import uvicorn
from graphql import DocumentNode, GraphQLError, build_schema, execute_sync, parse, validate

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

SCHEMA = build_schema("""
    type Query { list: List }
    type List { todos(first: Int): Page }
    type Page { edges: [Edge!]! }
    type Edge { node: Todo }
    type Todo { number: Int!, id: ID!, text: String!, due: String, priority: String, tags: [String!]! }
""")
TODO = {"number": 1, "id": "k3m9x0q2ab", "text": "Write the report", "due": "2030-01-01", "priority": "H", "tags": ["home"]}
ROOT = {"list": {"todos": {"edges": [{"node": {**TODO, "number": number}} for number in range(1, 101)]}}}


@lru_cache
def checked(text: str) -> DocumentNode:
    document = parse(text)
    errors: list[GraphQLError] = validate(SCHEMA, document)
    if errors:
        raise ValueError(errors)
    return document


async def app(
    _scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    result = execute_sync(SCHEMA, checked(msgspec.json.decode(body)["query"]), ROOT)
    content = msgspec.json.encode({"data": result.data})
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_config=None, access_log=False, lifespan="off", http="h11")
