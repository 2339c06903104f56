"""Generated queries: whatever is asked, the server answers with data or with an error that has a code."""

import json
import os
import random
import re
import string
from pathlib import Path
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    get_named_type,
)

from cqrs_todo.web.schema import sdl
from tests.web.conftest import serving_estimates

QUERIES = int(os.environ.get("TODO_FUZZ", "100"))
"""How many queries are generated. The trials set the variable."""
TEXTS = (
    *("", " ", "1", "2-3", "@", "@1", "@-1", "@99999", "0", "-1", "inbox", "work", "milk", "+home", "is:done", "due:friday"),
    *("yesterday", "2026-03-01", "2099-01-01T00:00:00Z", "start", "9" * 40, "month", "high", "none", "a b", "x" * 300),
    *(
        "\x00",
        "\x1b[31m",
        "é",
        "e\u0301",
        "\u202e",
        "🙂",
        '"',
        "\\",
        "{",
        "%s",
        "../../etc/passwd",
        "MA==",
        "W10=",
        "\ud7ff",
    ),
    *("text", "-due", "estimate", "created", "nobody", "authors", "statement", "day"),
)
NUMBERS = (0, 1, 2, 5, 100, -1, 2**31 - 1, -(2**31), 1.5, 2**40)


class Maker:
    """Makes queries, most of which are valid."""

    def __init__(self, schema: GraphQLSchema, seed: int) -> None:
        self._schema = schema
        self._random = random.Random(seed)

    def query(self) -> str:
        kind, root = self._random.choice(
            [
                ("query", self._schema.query_type),
                ("query", self._schema.query_type),
                ("mutation", self._schema.mutation_type),
            ]
        )
        assert root is not None
        text = f"{kind} {self._selection(root, 0)}"
        if self._random.random() < 0.1:  # and some that are not
            place = self._random.randrange(len(text))
            text = text[:place] + self._random.choice(string.printable) + text[place + self._random.randrange(3) :]
        return text

    def _selection(self, type: GraphQLObjectType, depth: int) -> str:
        names = list(type.fields)
        chosen = self._random.sample(names, min(len(names), self._random.randint(1, 3 if depth else 2)))
        parts = [part for number, name in enumerate(chosen) if (part := self._field(name, type.fields[name], depth, number))]
        return "{ __typename " + " ".join(parts) + " }"

    def _field(self, name: str, field: GraphQLField, depth: int, number: int) -> str:
        inner = self._inner(field.type, depth)
        if inner is None:
            return ""
        arguments = [
            f"{argument}: {self._value(given.type)}"
            for argument, given in field.args.items()
            if isinstance(given.type, GraphQLNonNull) or self._random.random() < 0.5
        ]
        alias = f"a{number}_{depth}: " if self._random.random() < 0.2 else ""
        given = "(" + ", ".join(arguments) + ")" if arguments else ""
        return f"{alias}{name}{given}{inner}"

    def _inner(self, type: GraphQLOutputType, depth: int) -> str | None:
        named = get_named_type(type)
        if isinstance(named, GraphQLObjectType):
            return None if depth > 6 else " " + self._selection(named, depth + 1)
        if isinstance(named, GraphQLUnionType):
            return " { __typename " + " ".join(f"... on {each.name} {{ __typename }}" for each in named.types) + " }"
        return ""

    def _value(self, type: GraphQLInputType) -> str:
        if isinstance(type, GraphQLNonNull):
            return self._value(type.of_type)
        if self._random.random() < 0.1:
            return "null"
        if isinstance(type, GraphQLList):
            return "[" + ", ".join(self._value(type.of_type) for _ in range(self._random.randint(0, 3))) + "]"
        if isinstance(type, GraphQLInputObjectType):
            given = [
                f"{name}: {self._value(field.type)}"
                for name, field in type.fields.items()
                if isinstance(field.type, GraphQLNonNull) or self._random.random() < 0.3
            ]
            return "{" + ", ".join(given) + "}"
        if isinstance(type, GraphQLEnumType):
            return str(self._random.choice(list(type.values)))
        if type.name == "Boolean":
            return self._random.choice(["true", "false"])
        if type.name in ("Int", "Float"):
            return f"{self._random.choice(NUMBERS)}"
        return json.dumps(self._random.choice(TEXTS), ensure_ascii=False)


def test_generated_queries_get_data_or_an_error_with_a_code(tmp_path: Path) -> None:
    with serving_estimates(tmp_path) as server:  # one of its own: a query may archive any list
        server(
            "mutation($todos: [NewTodo!]!) { add(todos: $todos) { commits } }",
            todos=[{"text": "milk", "tags": ["home"]}] * 3,
        )
        maker = Maker(build_schema(sdl()), seed=QUERIES)
        outcomes: dict[Any, int] = {}
        for _ in range(QUERIES):
            query = maker.query()
            reply = server.post({"query": query})
            assert reply.status in (200, 400), (query, reply.body)
            body = reply.body.decode()
            assert "Traceback" not in body, query
            for error in json.loads(body).get("errors") or () if reply.headers["content-type"] == "application/json" else ():
                code = error["extensions"]["code"]
                assert code != "INTERNAL", (query, error)
                hint = error["extensions"].get("hint", "")
                assert not re.search(r"(^| )--\w|: todo \w", hint), (query, error)  # clients have no verbs and options
                outcomes[code] = outcomes.get(code, 0) + 1
            outcomes[reply.status] = outcomes.get(reply.status, 0) + 1
        assert server.todo.run("verify").code == 0, "what was recorded is valid"
        assert outcomes[200] > QUERIES / 2, f"most of the queries are valid: {outcomes}"
