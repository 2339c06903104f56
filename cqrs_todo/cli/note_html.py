"""Notes as HTML, for `todo show --html` and for pages."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import partial
from html import escape

from ..todo.views import Item
from .errors import UsageError, to_install
from .output import print_line
from .read_models import ReadModels, known_model
from .session import Session
from .text import visible, visible_lines


def print_html(session: Session, ids: Sequence[str]) -> None:
    """Print the texts and the notes of todos as HTML, an `article` for each.

    Raises:
        UsageError: Commits were named, or the extra `html` is not installed.
        CqrsError: The todos cannot be found, or the list cannot be read to its end.
    """
    if any(word.startswith("@") and word != "@" for word in ids):
        raise UsageError("--html shows todos, and no commits", "name todos by their numbers, or leave out --html")
    chosen = session.choose(ids, then=True)
    notes = html_notes(session, chosen)
    if session.options.json:
        from . import document

        todos = [{"number": item.number, "id": item.id, "html": notes.get(item.stream)} for item in chosen]
        print_line(document.encode({"list": session.list.name, "todos": todos}))
        return
    for item in chosen:
        print_line(f'<article id="{escape(visible(item.id))}">')
        print_line(f"<h1>{escape(visible(item.todo.text))}</h1>")
        note = visible_lines(notes.get(item.stream, "")).rstrip("\n")
        if note:
            print_line(note)
        print_line("</article>")


def html_notes(session: Session, items: Sequence[Item]) -> Mapping[str, str]:
    """Return the notes of todos of the list in use as HTML, by their streams.

    Those of the present come from the read model, which renders each note once. Those of the past are rendered now.

    Raises:
        UsageError: The extra `html` is not installed.
        CqrsError: The list cannot be read to its end.
    """
    try:
        from ..todo.read_models.note_html import html_of, notes_of
    except ImportError as error:
        raise UsageError(f"--html needs the extra `html` ({error})", f"install it {to_install('html')}") from error
    if session.moment is not None:
        return {item.stream: html_of(item.todo.note) for item in items if item.todo.note}
    log = session.list.log
    question = partial(notes_of, log_id=log.id, streams=[item.stream for item in items])
    with closing(ReadModels(session.store)) as models:
        notes, failures = models.ask(known_model("note_html"), [log], question)
    if failures:
        raise failures[0]
    return notes
