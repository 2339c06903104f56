"""`todo explain`: what a command would do, step by step."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ...cqrs.store import Expected
from ...todo.fields import Field, KeyedField, SetField
from ..output import print_line, print_message
from ..session import Session
from ..text import visible
from ..verb import TRAVEL, Argument, Verb

if TYPE_CHECKING:
    from ...cqrs.stores.dry_run import Appended, Reading
    from ..dry_run import Decision, DryRun

_WIDTH = 14
"""The width of the column of labels."""

_MOST = 20
"""How many decisions and preconditions are shown to people; `--json` has all of them."""


def explain(session: Session, words: Sequence[str]) -> None:
    """Run a command line without recording anything, and show each step."""
    from ..dry_run import dry_run

    options = words[: words.index("--")] if "--" in words else words
    if "--json" in options:
        session.options.json = True  # the explanation is JSON, and not the answer in it
        words = [word for word in options if word != "--json"] + list(words[len(options) :])
    run = dry_run(session, words)
    if session.options.json:
        from .. import document

        print_line(document.encode(_document(session, run)))
        return
    for label, line in _lines(run):
        print_line(f"{label:<{_WIDTH}}{line}".rstrip() if label is not None else line)
    print_message(session, "Nothing was recorded.")


def _lines(run: "DryRun") -> Iterator[tuple[str | None, str]]:
    """Return the lines of an explanation, each with its label; None for lines that begin at the left edge."""
    import shlex

    yield "Command", visible(f"todo {shlex.join(run.words)}")
    for reading in run.trace.readings.values():
        yield from _reading_lines(reading)
    for created in run.trace.created:
        yield "New list", f"{visible(created.log)}, whose log begins with:"
        yield None, visible(_text(created.line))
    for decision in run.decisions[:_MOST]:
        yield from _decision_lines(decision)
    yield from _more(len(run.decisions))
    for conflict in run.trace.conflicts:
        yield "Conflict", visible(str(conflict))
    yield "Outcome", _outcome(run)
    for appended in run.trace.appended:
        for stream, expected in list(appended.preconditions.items())[:_MOST]:
            yield "Precondition", f"{visible(stream)} {_expected(expected)}"
        yield from _more(len(appended.preconditions))
        yield from _append_lines("Append", appended)
    if not run.trace.appended:
        yield "Append", "nothing more" if run.trace.created else "nothing"
    label = run.way_back.title()
    if run.back_error is not None:
        yield label, f"would be refused: {visible(run.back_error.message)}"
    for appended in run.back:
        yield from _append_lines(label, appended)
    for number, line in enumerate(run.answer.splitlines()):
        yield "" if number else "Answer", line


def _reading_lines(reading: "Reading") -> Iterator[tuple[str, str]]:
    yield "List", f"{visible(reading.log)} at @{reading.position}"
    yield "  Snapshot", "none" if reading.snapshot is None else f"@{reading.snapshot}"
    events = reading.events
    ranges = " and ".join(f"@{first}" if first == last else f"@{first} to @{last}" for first, last in events.ranges)
    yield "  Events read", f"{_count(events.count)}, {ranges}" if events.count else "none"


def _decision_lines(decision: "Decision") -> Iterator[tuple[str, str]]:
    again = f" (attempt {decision.attempt})" if decision.attempt > 1 else ""
    of = "" if decision.version else ", a new todo"
    if decision.number:
        of = f", todo {decision.number}: {visible(decision.text)}"
    yield "Decision", f"{visible(decision.stream)} at version {decision.version}{of}{again}"
    for command in decision.commands:
        name, fields = _command(command)
        yield "", visible(f"  {name} {_json(fields)}")
    if decision.events is None:
        yield "", f"  → refused: {visible(decision.refusal)}"
    elif not decision.events:
        yield "", "  → nothing to do"
    for event in decision.events or ():
        yield "", visible(f"  → {type(event).__name__} {_json(event)}")


def _more(count: int) -> Iterator[tuple[str, str]]:
    if count > _MOST:
        yield "", f"and {count - _MOST:,} more: see them all with --json"


def _append_lines(label: str, appended: "Appended") -> Iterator[tuple[str | None, str]]:
    commit = appended.commit
    if appended.again:
        yield label, f"nothing: @{commit.position} of {visible(appended.log)} was recorded for this command before"
        return
    where = f"@{commit.position}" if commit.position == commit.last else f"@{commit.position} to @{commit.last}"
    if appended.line is None:
        yield label, f"{where} of {visible(appended.log)}; this store does not keep lines"
        return
    yield label, f"{where} of {visible(appended.log)}, {len(appended.line):,} bytes:"
    yield None, visible(_text(appended.line))


def _outcome(run: "DryRun") -> str:
    if run.error is None and any(appended.again for appended in run.trace.appended):
        return f"{run.outcome}, because this command was sent before"
    if run.error is None:
        return run.outcome
    hint = "" if run.error.hint is None else f" ({visible(run.error.hint)})"
    return f"{run.outcome}, exit code {run.error.exit_code}: {visible(run.error.message)}{hint}"


def _expected(expected: Expected | None) -> str:
    if expected is None:
        return "may be at any version"
    if isinstance(expected, int):
        return f"must be at version {expected}" if expected else "must have no events"
    return {"new": "must have no events", "exists": "must have events"}[expected.value]


def _count(events: int) -> str:
    return "1 event" if events == 1 else f"{events:,} events"


def _text(line: bytes) -> str:
    return line.decode().removesuffix("\n")


def _command(command: Any) -> tuple[str, dict[str, Any]]:
    """Return the name of a command and its values; a field of todos goes by its name."""
    values = {name: getattr(command, name) for name in command.__struct_fields__}
    named = {
        name: value.name if isinstance(value, (Field, KeyedField, SetField)) else value for name, value in values.items()
    }
    return type(command).__name__, {name: value for name, value in named.items() if value not in (None, ())}


def _json(value: Any) -> str:
    import msgspec

    return msgspec.json.encode(value).decode()


def _document(session: Session, run: "DryRun") -> dict[str, Any]:
    from .. import document

    appended_here = {
        (appended.log, appended.commit.metadata.command): appended.commit.position
        for appended in (*run.trace.appended, *run.back)
    }

    def commit_document(appended: "Appended") -> dict[str, Any]:
        def position_of(command: str) -> int | None:
            return appended_here.get((appended.log, command)) or session.position_of(appended.log)(command)

        return document.commit_document(appended.commit, position_of)

    error = run.error
    return {
        "command": run.words,
        "outcome": run.outcome,
        "exit_code": 0 if error is None else error.exit_code,
        "error": None if error is None else {"code": error.code, "message": error.message, "hint": error.hint},
        "lists": [
            {
                "list": reading.log,
                "position": reading.position,
                "snapshot": reading.snapshot,
                "events_read": {
                    "from": reading.first,
                    "to": reading.last,
                    "forward": reading.forward.count,
                    "backward": reading.backward.count,
                },
            }
            for reading in run.trace.readings.values()
        ],
        "created": [{"list": created.log, "line": _text(created.line)} for created in run.trace.created],
        "decisions": [
            {
                "list": decision.log,
                "stream": decision.stream,
                "version": decision.version,
                "number": decision.number or None,
                "attempt": decision.attempt,
                "commands": [dict(zip(("command", "values"), _command(each), strict=True)) for each in decision.commands],
                "events": None if decision.events is None else [_event(event) for event in decision.events],
                "refusal": decision.refusal or None,
            }
            for decision in run.decisions
        ],
        "conflicts": [str(conflict) for conflict in run.trace.conflicts],
        "appends": [_append(appended, commit_document(appended)) for appended in run.trace.appended],
        "reverse": {
            "verb": run.way_back,
            "error": None if run.back_error is None else run.back_error.message,
            "appends": [_append(appended, commit_document(appended)) for appended in run.back],
        }
        if run.way_back
        else None,
        "answer": run.answer,
    }


def _event(event: Any) -> dict[str, Any]:
    from ...todo.recorder import TYPES

    return {"type": TYPES.name_of(event), "data": event}


def _append(appended: "Appended", commit: dict[str, Any]) -> dict[str, Any]:
    return {
        "list": appended.log,
        "preconditions": {
            stream: expected if expected is None or isinstance(expected, int) else expected.value
            for stream, expected in appended.preconditions.items()
        },
        "again": appended.again,
        "commit": commit,
        "line": None if appended.line is None else _text(appended.line),
    }


VERB = Verb(
    name="explain",
    help=(
        "Show what a command would do, and record nothing. It shows what is read, what is decided, the line that would be "
        "appended to the log, and what undo would append."
    ),
    examples=('todo explain "done 3"', "todo explain add Buy milk due:friday", "todo explain undo --json"),
    action=explain,
    group=TRAVEL,
    arguments=(
        Argument(
            "words", "COMMAND", "A command that changes something, with or without quotation marks around it.", several=True
        ),
    ),
    dashes="rest",
)
