"""Hostile texts in every form of output, hostile names of lists, and environments in which little is as it should be.

A text is printed only escaped, and by `--json` exactly as it was entered. A name is refused and nothing is created, or the
list is found under this name. In any environment, what was reported as recorded is there, and no run ends in a traceback.
"""

import os
import pty
import random
import re
import subprocess
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec

from cqrs_todo.cqrs import store
from cqrs_todo.cqrs.errors import Rejected
from cqrs_todo.cqrs.events import Metadata
from cqrs_todo.cqrs.store import Append
from cqrs_todo.todo.events import TodoCreated
from cqrs_todo.todo.fields import NOTE, TAGS, TEXT
from cqrs_todo.todo.model import Add, Change, Create, decide
from cqrs_todo.todo.service import TodoList

from .children import SEED, store_in
from .harness import ALTERED, CRASHED, MISSING, RAW, UNNOTICED, UNREPORTED, Control, Program, Result, Size, Tally
from .ledger import FORESEEN
from .words import names, texts

NAME = "hostile"
CONTROLS = (Control("no-escaping", RAW),)

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
CHUNK = 30
"""How many texts stand in one list: longer ones are not drawn in boxes."""


def trial(program: Program, size: Size) -> Tally:
    """All, or in the suite a seeded sample of each."""
    tally = Tally()
    choose = random.Random(SEED)
    cases: list[Callable[[], None]] = []
    chunks = [texts()[start : start + CHUNK] for start in range(0, len(texts()), CHUNK)]
    if size is Size.SHORT:
        chunks = [choose.sample(texts(), CHUNK)]
    for number, chunk in enumerate(chunks):
        home = program.at(program.home / f"texts{number}")
        forms = _with_texts(home, chunk, tally)
        cases += forms if size is Size.FULL else choose.sample(forms, 25)
    tried = names() if size is Size.FULL else choose.sample(names(), 6)
    cases += [_bound(_name, program.at(program.home / f"name{n}"), name, tally) for n, name in enumerate(tried)]
    around = [*_ENVIRONMENTS] if size is Size.FULL else choose.sample(_ENVIRONMENTS, 3)
    cases += [_bound(_environment, program.at(program.home / f"env{n}"), case, tally) for n, case in enumerate(around)]
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(case) for case in cases]:
            done.result()
    return tally


def _bound(function: Callable[..., None], *args: Any) -> Callable[[], None]:
    return lambda: function(*args)


_FOREIGN = (126, 127)
"""What env and sh end with when the program never began."""


def _count(tally: Tally, results: Sequence[Result], complaints: Iterable[tuple[str, str]]) -> None:
    """Count a case. Its fault was reached when the program was given what is hostile and took it up, to answer or refuse."""
    tally.cases += 1
    tally.reached += all(result.code not in _FOREIGN for result in results)
    tally.refused += any(result.code in FORESEEN or result.code == 2 for result in results if result.code)
    for what, example in complaints:
        tally.wrong(what, example)


def _crash(what: str, result: Result) -> list[tuple[str, str]]:
    crashed = result.code < 0 or result.code == 70 or "Traceback" in result.err
    return [(CRASHED, f"{what} ended with {result.code}: {result.err[-300:]}")] if crashed else []


# texts

_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
_INVISIBLE = {*"\u061c\u200b\u200e\u200f\ufeff\ufff9\ufffa\ufffb", *map(chr, range(0x2060, 0x2070))}


def _raw(shown: str, allowed: str) -> list[str]:
    """The characters among these that could move a cursor or turn a line around; judged without the program's own code."""
    return [
        char
        for char in dict.fromkeys(shown)
        if char not in allowed
        and (
            unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")
            or unicodedata.bidirectional(char) in _BIDI
            or char in _INVISIBLE
        )
    ]


def _with_texts(program: Program, chunk: Sequence[str], tally: Tally) -> list[Callable[[], None]]:
    """The runs over one list that holds the texts in every place that takes them."""
    todos = TodoList(store_in(program.data), "inbox", f"me{chunk[0]}", default=True)
    todos.add([Create(text, NOW, note=text, tags=_tags(text)) for text in chunk])
    todos.change(todos.view().items[::3], lambda item: [Change(TEXT, f"{item.todo.text}!"), Change(NOTE, None)])
    todos.change(
        todos.view().items[::3], lambda item: [Change(TEXT, item.todo.text[:-1]), Change(NOTE, item.todo.text[:-1])]
    )
    foreign = Append(f"todo/{chunk[1]}\x1b[2J\u202e", (TodoCreated(chunk[1], NOW, note=chunk[1]),))
    # as a program that allows every name
    with patch.object(store, "check_recorded_name"), patch.object(store, "check_stream_name"):
        todos.log.append([foreign], Metadata(NOW, chunk[2], "foreign", {"moved_from": chunk[3]}))
    wanted = [*chunk, chunk[1]]
    every = f"1-{len(wanted)}"
    verbs = [["ls"], ["ls", "--all", "--sort", "text"], ["show", every], ["history"], ["history", "-p"], ["blame", every]]
    verbs += [["diff", "@0"], ["diff", "@0", f"@{len(chunk)}"], ["stats"], [], ["lists"], ["at", f"@{len(chunk)}", "ls"]]
    forms = [["--json"], ["--plain"], ["--color", "never"], ["--color", "always"], ["TERMINAL"]]
    return [_bound(_form, program, [*form, *verb], wanted, tally) for verb in verbs for form in forms]


def _tags(text: str) -> tuple[str, ...]:
    try:
        decide(Add(TAGS, text), decide(Create("x", NOW), None)[0])  # type: ignore[arg-type]  # has the fields of a todo
    except (Rejected, AttributeError):
        return ()
    return (text,)


def _form(program: Program, args: Sequence[str], wanted: Sequence[str], tally: Tally) -> None:
    what = f"todo {' '.join(args)} in {program.home.name}"
    env = {"COLUMNS": "100"}
    terminal = args[0] == "TERMINAL"
    result = _on_terminal(program, args[1:]) if terminal else program.run(*args, env=env)
    complaints = _crash(what, result)
    if result.code:
        complaints.append((CRASHED, f"{what} ended with {result.code}: {result.err[-300:]}"))
    shown = result.out.decode() + result.err
    if terminal:
        shown = shown.replace("\r\n", "\n")
    if terminal or "always" in args:
        shown = _STYLE.sub("", shown)
    raw = _raw(shown, "\n\t" if "--plain" in args else "\n")
    if raw:
        complaints.append((RAW, f"{what} lets through {raw}"))
    if not result.code and args[1:] == ["ls"] and args[0] in ("--json", "--plain"):
        complaints += [(ALTERED, f"{what}: {missing}") for missing in _missing(args[0], result, wanted)]
    if not result.code and args[0] == "--json" and args[1:2] in (["show"], ["history"]):
        said = str(msgspec.json.decode(result.out))
        complaints += [(MISSING, f"{what} has lost {text!a:.80}") for text in wanted if repr(text)[1:-1] not in said]
    _count(tally, [result], complaints)


def _missing(form: str, result: Result, wanted: Sequence[str]) -> list[str]:
    if form == "--plain":
        lines = result.out.decode().split("\n")[:-1]
        return [] if len(lines) == len(wanted) else [f"{len(lines)} lines for {len(wanted)} todos"]
    rows = msgspec.json.decode(result.out)["todos"]
    found = [(row["text"], row["note"]) for row in rows]
    return [f"{text!a:.80} came back otherwise" for text, pair in zip(wanted, found, strict=True) if pair != (text, text)]


def _on_terminal(program: Program, args: Sequence[str]) -> Result:
    ours, theirs = pty.openpty()
    env = {**program.env, "TERM": "xterm-256color", "COLUMNS": "100", "PAGER": "cat"}  # a pager waits for keys
    command = [*program.argv, *args]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=env, cwd=program.home) as child:
        os.close(theirs)
        parts = []
        try:
            while part := os.read(ours, 1 << 16):
                parts.append(part)
        except OSError:  # how Linux tells that nobody has the other end any more
            pass
    os.close(ours)
    return Result(child.returncode, b"".join(parts), "")


# names


def _files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.name not in ("lists", "archive")}


def _name(program: Program, name: str | bytes, tally: Tally) -> None:
    """One name, given as an option or, where no command line can hold it, in the configuration."""
    (program.home / "inner").mkdir()
    program = program.at(program.home / "inner/home")
    what = f"the name {name!a:.80}"
    option = f"--list={os.fsdecode(name)}"
    before = _files(program.home.parents[1])
    added = program.run(option, "add", "--", "hostile")
    complaints = _crash(what, added)
    if added.code == 2:
        made = _files(program.home.parents[1]) - before - {program.data, *program.data.parents}
        complaints += [(UNNOTICED, f"{what} was refused and {path.name!a} made") for path in made]
    elif added.code or isinstance(name, bytes):
        complaints.append((CRASHED, f"{what}: add ended with {added.code}: {added.err}"))
    else:
        normal = unicodedata.normalize("NFC", name)
        for form in (name, normal, unicodedata.normalize("NFD", name)):
            complaints += _found_again(program, form, normal, what)
    if _raw(added.out.decode() + added.err, "\n"):
        complaints.append((RAW, what))
    _count(tally, [added], complaints)


def _found_again(program: Program, form: str, normal: str, what: str) -> Iterable[tuple[str, str]]:
    listed = program.run(f"--list={form}", "ls", "--json")
    texts = [todo["text"] for todo in msgspec.json.decode(listed.out)["todos"]] if not listed.code else []
    if texts != ["hostile"]:
        yield MISSING, f"{what} is not found again as {form!a:.80}: {listed.err}"
    rows = [row["name"] for row in msgspec.json.decode(program.run("lists", "--json").out)["lists"]]
    if rows != [normal]:
        yield ALTERED, f"{what} is among the lists as {rows!a:.200}"


# environments

Case = tuple[dict[str, str], tuple[str, ...], str]
"""Variables to set, variables to take away, what the shell does to the streams."""
_C = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
_STORE = {"TODO_STORE": "jsonl:store"}
"""Without a home of the trial's own, the program falls back on the real one: never for the store."""
_ENVIRONMENTS: list[Case] = [
    *(
        ({"HOME": value, **_STORE}, (), "")
        for value in ("relative", "./x/..", "folder with space", "ho\nme", "", "/dev/null")
    ),
    (_STORE, ("HOME",), ""),
    (_STORE, ("HOME", "USER", "LOGNAME"), "<&-"),
    *(({f"XDG_{kind}_HOME": "relative"}, (), "") for kind in ("DATA", "CONFIG", "STATE", "CACHE")),
    *(
        ({"TZ": value}, (), "")
        for value in ("Nonsense/Zone", ":::", "\x01", "UTC+99", "A" * 1000, "", "/etc/passwd", "CET-1")
    ),
    *(({"COLUMNS": value}, (), "") for value in ("garbage", "-5", "0", "1", "9" * 30, "")),
    *(({"TERM": value}, (), "") for value in ("dumb", "\x1b[2J", "unknown", "")),
    *(({"LANG": value, "LC_ALL": value}, (), "") for value in ("xx", "de_DE.ISO-8859-1", "POSIX", "\xff")),
    *(
        ({**_C, **extra}, ("LANG",), "")
        for extra in ({}, {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1:strict"})
    ),
    *(({"PYTHONIOENCODING": value}, (), "") for value in ("ascii", "utf-16", "utf-8:strict", "cp1252:ignore")),
    *(
        ({}, (), closed)
        for closed in ("<&-", ">&-", "2>&-", "<&- >&-", ">&- 2>&-", "<&- >&- 2>&-", ">/dev/full", "2>/dev/full")
    ),
    ({}, ("TERM", "LANG", "USER", "TZ"), ""),
    ({"NO_COLOR": "1"}, (), ""),
    ({"USER": "\x1b[2J\u202e", "LOGNAME": ""}, (), ""),
    ({"TODO_LIST": "", "TODO_STORE": ""}, (), ""),
    ({"PYTHONOPTIMIZE": "2"}, (), ""),
    ({"TMPDIR": "/nowhere"}, (), ""),
    ({"PATH": ""}, (), ""),
]


def _environment(program: Program, case: Case, tally: Tally) -> None:
    """Add, look, and look back; then see, with the streams open, that the todo is there.

    An environment that makes no sense, such as a `TZ` that names no zone, must be refused every time, and change nothing.
    """
    env, unset, streams = case
    what = f"with {', '.join(f'{name}={value!a:.30}' for name, value in env.items())} without {unset} {streams}"
    bare = ["/usr/bin/env", *(word for name in unset for word in ("-u", name))]
    text = "Grüße 雪 \x1b[2J"
    complaints = []
    results = []
    for args in (["add", "--", text], ["ls"], ["history"], ["--color", "always", "ls"]):
        result = program.run(*args, before=[*bare, "/bin/sh", "-c", f'exec "$@" {streams}', "sh"], env=env)
        results.append(result)
        complaints += _crash(f"{args[0]} {what}", result)
        if args[0] == "add" and result.code == 0:
            seen = program.run("ls", "--json", before=bare, env=env)
            found = _decoded(seen.out)
            if [todo["text"] for todo in found.get("todos", [])] != [text]:
                complaints.append((MISSING, f"{what}: {found} {seen.err[-200:]}"))
        elif result.code and not _is_refused(result) and not (result.code == 1 and "full" in streams):
            complaints.append((CRASHED, f"{args[0]} {what} ended with {result.code}: {result.err[-200:]}"))
    refused = [_is_refused(result) for result in results]
    if any(refused) and not all(refused):
        complaints.append((CRASHED, f"{what}: refused {refused}"))
    if any(refused) and list(program.home.rglob("*.jsonl")):
        complaints.append((UNREPORTED, f"{what}: it was refused, and a list was made"))
    _count(tally, results, complaints)


def _is_refused(result: Result) -> bool:
    """Return whether a run said that its environment makes no sense, and what to do about that."""
    message, _, hint = result.err.partition("\n")
    return result.code == 2 and message.startswith("todo: ") and hint.startswith("      ") and not result.out


def _decoded(out: bytes) -> Any:
    for encoding in ("utf-8", "utf-16"):
        with suppress(UnicodeDecodeError, msgspec.DecodeError):
            return msgspec.json.decode(out.decode(encoding))
    return {}
