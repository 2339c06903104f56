"""`todo note`: set the note of todos."""

from collections.abc import Sequence

from ...todo.fields import NOTE
from ...todo.model import Change
from ..answers import change
from ..errors import UsageError
from ..ids import check_one_word
from ..session import Session, check_text
from ..verb import CHANGE, ONE_IDS, Argument, Verb


def note(session: Session, ids: str, text: Sequence[str], literal: int) -> None:
    """Set the note of todos from words, or from stdin for the word '-', unless that stood after `--`."""
    check_one_word(ids, text, literal, "note", lists=session.list_names)
    note = " ".join(check_text("note", word) for word in text)
    if list(text) == ["-"] and not literal:
        from ..stdin import read_note

        note = read_note(session)
    if not note.strip():
        raise UsageError("the note is empty", f"to clear it: todo edit {ids} --clear note")
    change(session, [ids], lambda _: [Change(NOTE, note)], "Noted", "Unchanged")


VERB = Verb(
    name="note",
    help="Set the note of todos. `todo edit 3 --clear note` clears it.",
    examples=('todo note 3 "see **page 12**"', "cat minutes.md | todo note 3 -", "todo edit 3 --clear note"),
    action=note,
    group=CHANGE,
    about="all",
    arguments=(ONE_IDS, Argument("text", "TEXT", "The note, in Markdown; '-' reads it from stdin.", several=True)),
    writes=True,
    literal=True,
    synonyms={"": "comment annotate describe"},
)
