"""`todo add`: create todos."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from ...todo.batches import COMMIT_LIMIT, COMMIT_SIZE
from ...todo.fields import NOTE, TEXT
from ...todo.model import DECIDER, Create
from ...todo.recorder import Answer
from ...todo.service import Added
from ...todo.views import bracketed_details
from ..answers import named, print_answer
from ..clock import to_local
from ..errors import UsageError
from ..fields import Given, given_by, read_fields, with_note_of_stdin
from ..markers import split_line
from ..output import print_line, print_message
from ..session import Session
from ..text import visible
from ..verb import EVERYDAY, Argument, Verb

_MOST_KNOWN = 1000
"""How many combinations of markers are remembered while lines of stdin are read."""


def add(session: Session, text: Sequence[str], fields: Mapping[str, str | Sequence[str]], literal: int) -> None:
    """Create a todo from words and options, or one from each line of stdin for the word '-'."""
    if fields.get(NOTE.name) == "-" and "-" in text[: len(text) - literal]:
        raise UsageError("stdin cannot be both the todos and their note", "write the note, or the text of the todo")
    given = read_fields(session, text, with_note_of_stdin(session, fields), literal=literal)
    words = given.values.get(TEXT.name)
    if words is None:
        raise UsageError("the text of the todo is missing", 'for instance: todo add "Buy milk" due:tomorrow')
    if words == "-" and not literal:
        _add_lines(session, given)
        return
    todos = session.list
    session.progress.begin("adding")
    _print_added(session, todos.add([given.creation(words, todos.clock())]))


def _read_lines(session: Session, given: Given, now: datetime) -> Callable[[str], Create]:
    """Return the function that reads a line of stdin.

    Args:
        session: This run of the program.
        given: The fields that were given for all lines. Markers of a line come before them.
        now: The time of the command.
    """
    known: dict[tuple[object, ...], Given] = {}  # lines are often alike, and reading a date takes longer than the rest

    def read(line: str) -> Create:
        text, markers = split_line(line, session.config.attributes)
        if not markers:
            return given.creation(text, now)
        if not text:
            raise UsageError("there are markers, but no text", "write what to do, too")
        key = tuple((marker.word, marker.following) for marker in markers)
        fields = known.get(key)
        if fields is None:
            if len(known) >= _MOST_KNOWN:
                known.clear()
            fields = known[key] = given.overridden_by(given_by(session, markers, session.config.attributes))
        return fields.creation(text, now)

    return read


def _add_lines(session: Session, given: Given) -> None:
    """Create one todo from each line of stdin that is not blank: in one commit, or above its limit in a batch of commits."""
    from ..stdin import copy_lines, temporary_file

    todos = session.list
    read = _read_lines(session, given, todos.clock())
    with temporary_file() as file:
        count = copy_lines(file, lambda line: DECIDER.decide(read(line), DECIDER.initial))
        if not count:
            raise UsageError("stdin holds no line of text", "for instance: seq 3 | todo add -")
        size = file.tell()
        file.seek(0)
        if session.request is not None:
            for line in file:
                session.request.include(line)
            file.seek(0)
        drafts = (read(line.decode().removesuffix("\n")) for line in file)
        session.progress.begin("adding")
        if count <= COMMIT_LIMIT and size <= COMMIT_SIZE:
            _print_added(session, todos.add(list(drafts)))
        else:
            _add_batch(session, drafts, count)


def _add_batch(session: Session, drafts: Iterator[Create], count: int) -> None:
    """Add a batch. If SIGINT or SIGTERM ends it, say how much of it was recorded."""
    import signal

    from ..signals import Terminated, raised

    todos = session.list
    with raised(signal.SIGTERM):
        try:
            _print_batch(session, todos.add_batch(drafts, count))
        except (KeyboardInterrupt, Terminated) as ended:
            for note in getattr(ended, "__notes__", ()):
                print_message(session, f"Interrupted: {note}. To remove them: {session.typed(todos.name, 'undo')}")
            raise


def _print_added(session: Session, answer: Answer) -> None:
    _print_new_list(session, answer)
    parsed = visible(bracketed_details(answer.items[0].todo, to_local, session.list.label)) if len(answer.items) == 1 else ""
    print_answer(session, answer, f"Added {named(answer.items)}{parsed}")


def _print_batch(session: Session, added: Added) -> None:
    _print_new_list(session, added)
    if session.options.json:
        from .. import document

        print_line(document.encode(document.added_document(added)))
    elif not session.options.quiet:
        undo = session.typed(added.list, "undo")
        print_line(f"Added {added.todos:,} todos in {added.commits:,} commits. Undo: {undo}")


def _print_new_list(session: Session, answer: Answer | Added) -> None:
    if not answer.new_list or answer.list == session.default_list:
        return
    import difflib  # only for a new list

    others = [name for name in session.store.names() if name != answer.list]
    near = difflib.get_close_matches(answer.list, others, n=1)
    also = f". There is also {visible(near[0])}, if you meant that" if near else ""
    print_message(session, f"New list: {visible(answer.list)}{also}")


VERB = Verb(
    name="add",
    help=(
        "Add a todo. A word such as +home, due:friday, due:'next friday', pri:H, project:garden or remind:tomorrow-9:00 "
        "sets a field, and is not part of the text. `--note -` reads the note from stdin. After --, every word is text."
    ),
    examples=(
        'todo add "Buy milk" +home due:tomorrow pri:H',
        'todo add Call the bank -d "friday 17:00"',
        "seq 3 | todo add -",
    ),
    action=add,
    group=EVERYDAY,
    arguments=(
        Argument(
            "text",
            "TEXT",
            "What to do. '-' reads one todo per line from stdin; markers such as due:friday work there, too.",
            several=True,
        ),
    ),
    writes=True,
    fields=True,
    literal=True,
    synonyms={"": "new create insert append"},
)
