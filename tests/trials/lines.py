"""What the decoder of lines is given: documents that are wrong in one way each, and strategies for any number of them."""

import json
from collections.abc import Iterator
from datetime import UTC
from typing import Any

from hypothesis import strategies as st

from cqrs_todo.todo.values import day_or_instant


def encoded(document: Any) -> bytes:
    """A document in JSON, with what JSON does not know."""
    return json.dumps(document, ensure_ascii=False).encode(errors="surrogatepass")


def fixed() -> Iterator[tuple[str, bytes]]:
    """Lines without their sums, each in words; nothing in JSON is too odd."""
    head = b'{"position":1,"at":"2026-11-22T09:30:01Z","by":"me","command":"c","events":['
    event = b'{"stream":"todo/a","version":1,"type":"todo_created","data":%s}'
    good = event % b'{"text":"x","created":"2026-11-22T09:30:01Z"}'
    deep = b"[" * 100_000 + b"]" * 100_000
    yield "nested 100,000 deep", deep
    yield "nested 100,000 deep, open", b"[" * 100_000
    yield "objects nested 100,000 deep", b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    yield "data nested deep", head + event % deep + b"]}"
    yield "data of an unknown type nested deep", head + (event % deep).replace(b"todo_created", b"new") + b"]}"
    yield "meta nested deep", head + good + b'],"meta":{"undoes":' + deep + b"}}"
    yield "an unknown field nested deep", head + good + b'],"x":' + deep + b"}"
    yield "10 MB", head + event % (b'{"text":"' + b"x" * 10_000_000 + b'","created":"2026-11-22T09:30:01Z"}') + b"]}"
    numbers = b"NaN Infinity -Infinity 1e400 9223372036854775808 -1 0 1.0 1e0 01".split()
    for value in (*numbers, b"1" * 5000):
        yield f"position {value!r:.20}", head.replace(b":1,", b":" + value + b",", 1) + good + b"]}"
        yield f"version {value!r:.20}", head + good.replace(b":1,", b":" + value + b",") + b"]}"
        yield f"data {value!r:.20}", head + event % value + b"]}"
        yield f"meta {value!r:.20}", head + good + b'],"meta":{"undoes":[' + value + b'],"restores":' + value + b"}}"
    yield "a version doubled", head + good.replace(b'"version":1', b'"version":1,"version":2') + b"]}"
    yield "a position doubled", head.replace(b"1,", b'1,"position":2,', 1) + good + b"]}"
    yield "a text doubled", head + good.replace(b'"x"', b'"x","text":"y"') + b"]}"
    yield "a BOM", b"\xef\xbb\xbf" + head + good + b"]}"
    yield "no events", head + b"]}"
    yield "invalid UTF-8", head + good.replace(b'"x"', b'"\xff"') + b"]}"
    yield "an overlong NUL", head + good.replace(b'"x"', b'"\xc0\x80"') + b"]}"
    yield "a surrogate in UTF-8", head + good.replace(b'"x"', b'"\xed\xa0\x80"') + b"]}"
    yield "a lone surrogate escape", head + good.replace(b'"x"', rb'"\ud800"') + b"]}"
    yield (
        "a lone surrogate escape, unknown type",
        head + good.replace(b'"x"', rb'"\udfff"').replace(b"_created", b"") + b"]}",
    )
    yield "a NUL escape", head + good.replace(b'"x"', rb'"\u0000"') + b"]}"
    yield "nothing", b"}"
    yield "null", b"null"


def values() -> Iterator[tuple[str, Any]]:
    """What may stand in the place of any field."""
    texts = ["", "x", "\x1b[2J", "\ud800", "9999-12-31", "0001-01-01", "2026-02-30", "2026-11-22T09:30:01", "todo/", "/"]
    texts += [
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999Z",
        "2026-11-22T09:30:01+23:59",
        "2026-11-22T25:00:00Z",
        "H",
    ]
    texts += ["0000-01-01", "2026-W01-1", "2026-11-22T09:30:01.123456789Z", "10000-01-01", "-2026-01-01"]
    every = [
        *texts,
        None,
        True,
        0,
        -1,
        2**63,
        2**64,
        1.5,
        float("nan"),
        float("inf"),
        [],
        {},
        [1],
        ["x"],
        [["x"]],
        {"a": 1},
        [None],
    ]
    yield from ((f"{value!a:.40}", value) for value in every)


def paths(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every place in a document."""
    inner = document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    for key, value in inner:
        yield (*path, key)
        yield from paths(value, (*path, key))


def replaced(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The document with another value in one place."""
    if not path:
        return value
    twin = dict(document) if isinstance(document, dict) else list(document)
    twin[path[0]] = replaced(document[path[0]], path[1:], value)
    return twin


_leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.characters(categories=["Cs"]),
    st.dates().map(str), st.datetimes(timezones=st.just(UTC)).map(day_or_instant),
    st.sampled_from([value for _, value in values()]),
)  # fmt: skip
_json = st.recursive(
    _leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


@st.composite
def mutated(draw: st.DrawFn, lines: list[bytes]) -> bytes:
    """A line of these with some bytes put in the place of others, a few times."""
    line = bytearray(draw(st.sampled_from(lines)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(line) - 1))
        line[place : place + draw(st.integers(0, 3))] = draw(
            st.binary(max_size=3) | st.sampled_from([b'"', b"{", b"]", b"\\", b"0"])
        )
    return bytes(line)


@st.composite
def refilled(draw: st.DrawFn, documents: list[Any]) -> bytes:
    """A document of these with arbitrary JSON in one place or two."""
    document = draw(st.sampled_from(documents))
    for _ in range(draw(st.integers(1, 2))):
        path = draw(st.sampled_from(list(paths(document)) or [()]))
        document = replaced(document, path, draw(_json))
    return encoded(document)
