"""The decoder of lines, and everything that reads its result, with arbitrary input: each gives a value or a clean error.

Altered lines get a correct digest, so they pass the digest check and reach the decoder. If Atheris is installed (`pip
install atheris`: CPython 3.11 to 3.13), it makes a million more runs; the short form has fewer.
"""

import hashlib
import io
import json
import random
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from cqrs_todo.cli import document
from cqrs_todo.cqrs.errors import CqrsError
from cqrs_todo.cqrs.stores import format as line_format
from cqrs_todo.cqrs.stores.format import Codec, decode_header, verified_digest
from cqrs_todo.cqrs.stores.hash_chain import NO_DIGEST
from cqrs_todo.todo.arranging import GROUP_KEYS, SORT_KEYS, board, group_items, sort_items
from cqrs_todo.todo.compare import blame, changes_by_position, compare, events_of
from cqrs_todo.todo.history import describe_commit, describe_event, event_mentions
from cqrs_todo.todo.links import Links, as_trees
from cqrs_todo.todo.query import Context, parse
from cqrs_todo.todo.recorder import TYPES
from cqrs_todo.todo.service import TodoList

from .children import SEED, a_list, in_child
from .fuzz import GOLDEN, PLANTED, fuzzed, missing
from .harness import CRASHED, Control, Program, Size, Tally
from .lines import encoded, fixed, mutated, paths, refilled, replaced, values

NAME = "decoder"
CONTROLS = (Control("bare-decoder", CRASHED), Control("planted-bug", PLANTED))

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
RUNS = {Size.SHORT: 20_000, Size.FULL: 1_000_000}
"""How many runs Atheris makes."""
PLANTED_RUNS = 300_000
"""How many runs Atheris has to find the planted bug."""


def trial(program: Program, size: Size) -> Tally:
    """Run fixed and generated cases in a child process, and Atheris in another."""
    reason = missing()
    if program.weakness == "planted-bug":
        return Tally(skipped=reason) if reason else fuzzed(program, PLANTED_RUNS, SEED)
    tally = in_child(NAME, program, size)
    if reason:
        tally.notes.append(f"Atheris SKIPPED: {reason}")
    else:
        tally.add(fuzzed(program, RUNS[size], SEED))
    return tally


def body(home: Path, size: Size) -> Tally:
    """Run the fixed cases and those from Hypothesis, in this process."""
    bench = _Bench(home)
    choose = random.Random(SEED)
    for what, line in fixed():
        bench.line(what, line)
        bench.log(what, line, by_command=size is Size.FULL or choose.random() < 0.1)
    places = [(what, value, path) for what, value in values() for path in paths(bench.documents[0])]
    for what, value, path in places if size is Size.FULL else choose.sample(places, 150):
        bench.log(f"{what} as {path}", encoded(replaced(bench.documents[0], path, value)))
    _generated(bench, 20_000 if size is Size.FULL else 500)
    return bench.tally


def with_digest(previous: bytes, document: bytes) -> bytes:
    """Return the line of a document without LF, with the digest that docs/log-format.md specifies, by independent code."""
    content = document[:-1]
    return content + b',"sum":"' + hashlib.sha256(previous + content).hexdigest().encode() + b'"}'


def _events(line: bytes) -> Iterator[tuple[Any, Any]]:
    commit = json.loads(line)
    commit.pop("sum")
    yield from ((commit, event) for event in commit["events"])


def _alone(commit: Any, event: Any) -> Any:
    """Return a commit with one event, the first of its log."""
    return {**commit, "position": 1, "events": [{**event, "stream": "todo/a", "version": 1}]}


class _Bench:
    """Tries arbitrary lines, which are given as documents without a digest."""

    def __init__(self, home: Path) -> None:
        header, *lines = (GOLDEN / "inbox.jsonl").read_bytes().splitlines()
        self.header = header
        self.first = header[-66:-2]
        types = [path.read_bytes().splitlines()[-1] for path in sorted(GOLDEN.glob("todo_*.jsonl"))]
        self.documents = [_alone(commit, event) for line in (lines[0], *types) for commit, event in _events(line)]
        self.folder = home / "store"
        (self.folder / "lists").mkdir(parents=True)
        self.codec = Codec(TYPES)
        self.long = Codec(TYPES)
        self.long.decode_lines(with_digest(self.first, encoded(self.documents[0])) * 1_000)
        self.tally = Tally()
        self._intact = {encoded(each) for each in self.documents}
        self._altered = False

    def line(self, what: str, document: bytes) -> None:
        """Decode one line that passes the digest check."""
        self._altered = document not in self._intact
        line = with_digest(self.first, document)
        self._judge(what, lambda: self.codec.commit(line_format.decode_line(line), verified_digest(self.first, line)))
        self._judge(f"after many lines: {what}", lambda: self._same_after_many(line))
        header = with_digest(NO_DIGEST, document)
        self._judge(f"header: {what}", lambda: decode_header(header))

    def _same_after_many(self, line: bytes) -> None:
        """Decode a line with a codec that has decoded many others, and check that the result is the same."""
        near, far = line_format.decode_lines(line + b"\n"), self.long.decode_lines(line + b"\n")
        digests = [verified_digest(self.first, line)] * len(near)
        commits = [list(map(self.codec.commit, lines, digests)) for lines in (near, far)]
        if commits[0] != commits[1]:
            raise AssertionError("the line is decoded differently after many others")

    def log(self, what: str, document: bytes, *, by_command: bool = False) -> None:
        """Read a log that has the document as its second line, in every way that the program reads, and write to it."""
        self._altered = document not in self._intact
        created = with_digest(self.first, encoded(self.documents[0]))
        lines = [self.header, with_digest(self.first, document)]
        if b'"todo_created"' not in document:  # make it change an existing todo
            later = document.replace(b'"position": 1,', b'"position": 2,').replace(b'"version": 1,', b'"version": 2,')
            lines = [self.header, created, with_digest(created[-66:-2], later)]
        for path in (self.folder / "lists").iterdir():
            path.unlink()
        (self.folder / "lists/inbox.jsonl").write_bytes(b"\n".join([*lines, b""]))
        self._judge(f"log: {what}", lambda: _read(a_list(self.folder)))
        if by_command:
            for args in (
                ["ls", "--all"],
                ["history"],
                ["history", "-p", "--json"],
                ["show", "1"],
                ["stats"],
                ["diff", "@0"],
            ):
                self._judge(f"todo {' '.join(args)}: {what}", lambda args=args: self._command(args))  # type: ignore[misc]  # mypy infers no type of a default in a lambda

    def _judge(self, what: str, act: Callable[[], object]) -> None:
        """Call what reads the document. The fault counts as reached if the document is altered."""
        self.tally.cases += 1
        self.tally.reached += self._altered
        try:
            act()
        except CqrsError:
            self.tally.refused += 1
        except Exception as error:
            self.tally.wrong(CRASHED, f"{what:.120}: {type(error).__name__}: {error!s:.200}")

    def _command(self, args: list[str]) -> None:
        from cqrs_todo.cli import main

        out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main(["--store", f"jsonl:{self.folder}", *args])
        if code not in (0, 1, 2, 3, 5):
            raise AssertionError(f"exit {code}: {err.getvalue()[:300]}")


def _read(todos: TodoList) -> None:
    """Compute everything that the program shows of a list, and raise what that raises."""
    view = todos.view()
    commits = todos.commits()
    sort_items(view.items, [(key, False) for key in SORT_KEYS], lambda instant: instant)
    for group in GROUP_KEYS:
        group_items(view.items, group, lambda _: view.list, lambda instant: instant)
    context = Context(now=NOW, to_local=lambda instant: instant, list=view.list, items=view.items)
    parse("(x or +y is:any due:..friday project:z every:day) or is:blocked or is:blocking", context).matching()
    as_trees(view.items, Links(view.items))
    for item in view.items:
        list(blame(events_of(item.stream, commits)))
    board(view.items, NOW, lambda instant: instant)
    for commit in commits:
        describe_commit(commit, todos.position_of, lambda instant: instant)
        for event in commit.events:
            describe_event(event, lambda instant: instant)
            event_mentions(event.data, "x")
    dict(changes_by_position(commits))
    compare((), view.items)
    document.encode(document.view_document(view, view.items))
    document.encode({"commits": [document.commit_document(commit, todos.position_of) for commit in commits]})
    for position in range(view.position + 1):
        todos.view(position)
    todos.view(NOW)
    if todos.log.damage is None and view.items:
        todos.undo()


def _generated(bench: _Bench, many: int) -> None:
    """Try arbitrary bytes, valid lines with altered bytes, and documents with arbitrary JSON in one field or two."""

    def tried(strategy: st.SearchStrategy[bytes], share: float, *, whole: bool) -> None:
        @seed(SEED)
        @settings(
            max_examples=int(many * share),
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=[*HealthCheck],
        )
        @given(strategy)
        def one(document: bytes) -> None:
            bench.line(repr(document), document)
            if whole:
                bench.log(repr(document), document)

        one()

    tried(st.binary(max_size=300), 0.2, whole=False)
    tried(mutated([encoded(each) for each in bench.documents]), 0.3, whole=True)
    tried(refilled(bench.documents), 0.5, whole=True)
