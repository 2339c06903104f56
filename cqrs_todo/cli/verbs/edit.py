"""`todo edit`: change the fields of todos, or one todo in the editor."""

from collections.abc import Mapping, Sequence
from functools import partial

from ...todo.fields import FIELDS, TEXT
from ...todo.recorder import Answer
from ...todo.views import attributes_of
from ..answers import hint_to_restore, print_changes
from ..changes import details
from ..errors import UsageError
from ..fields import CLEARABLE, Given, read_fields, with_note_of_stdin
from ..ids import check_one_word, command_lines, names_todos
from ..markers import split_words
from ..session import Session
from ..verb import EVERYDAY, ONE_IDS_IN_ONE_LIST, Argument, Option, Verb


def edit(
    session: Session,
    ids: str,
    text: Sequence[str],
    clear: Sequence[str],
    fields: Mapping[str, str | Sequence[str]],
    literal: int,
) -> None:
    """Change fields of todos, or one todo in the editor when no change is named."""
    if literal <= len(text) and _is_change(session, ids):
        text = (ids, *text)
        ids = _picked(session, text, literal)
        if not ids:
            return
    check_one_word(
        ids,
        text,
        literal,
        "edit",
        lists=session.list_names,
        options=_options(fields, clear),
        for_several=partial(_is_for_several, session),
    )
    chosen = session.choose([ids])
    present = attributes_of(chosen)
    fields = with_note_of_stdin(session, fields)
    given = read_fields(session, text, fields, literal=literal, clear=clear, present=present)
    todos = session.list
    if TEXT.name in given.values and len(chosen) > 1:
        raise UsageError(f"{len(chosen)} todos cannot get the same text", "name one todo, or change other fields")

    def apply(given: Given, *, unchanged: bool) -> Answer:
        now = todos.clock()
        with hint_to_restore(session):
            return todos.change(chosen, lambda item: list(given.commands(item, now)), unchanged=unchanged)

    if given:
        answer = apply(given, unchanged=False)
    elif session.request is not None and session.request.id is not None:
        raise UsageError(
            "a command with an id cannot be given in the editor", "name the change, for instance: todo edit 3 pri:H"
        )
    elif not session.recording:
        raise UsageError(
            "explain does not open the editor",
            "name the change on the command line, for instance: todo explain edit 3 pri:H",
        )
    elif len(chosen) == 1:
        from ..editor import edited  # it imports subprocesses and temporary files, which nothing else here needs

        answer = edited(session, chosen[0], lambda given: apply(given, unchanged=True))
    else:
        raise UsageError("the editor takes one todo at a time", "name the change, for instance: todo edit 1-3 pri:H")
    print_changes(session, answer, "Changed", "Unchanged", details(answer.commits, answer.changed, todos.label))


def _is_change(session: Session, word: str) -> bool:
    """Return whether a word in the place of the ids sets a field, as in `todo edit pri:H`."""
    if not word.startswith("+") and ":" not in word:
        return False
    name, slash, _ = word.rpartition("/")
    return not (slash and name in session.list_names()) and bool(split_words([word], 0, session.config.attributes)[1])


def _is_for_several(session: Session, words: Sequence[str]) -> bool:
    """Return whether words after the ids change no text, which several todos cannot share."""
    return not split_words(words, 0, session.config.attributes)[0]


def _picked(session: Session, words: Sequence[str], literal: int) -> str:
    """Let a person choose the todos that are missing before some words; '' if none was chosen.

    Raises:
        UsageError: There is no terminal, or one of the words names todos.
    """
    named = [word for word in words[: len(words) - literal] if names_todos(word, session.list_names)]
    if named:
        changes = [word for word in words if word not in named]
        raise UsageError(
            f"the todos come before the change, and {words[0]!r} is a change", command_lines("edit", named, changes)
        )
    from ..picker import pick  # most commands name their todos

    return pick(session, VERB, {"text": ()})


def _options(fields: Mapping[str, str | Sequence[str]], clear: Sequence[str]) -> list[str]:
    """Return the options that were given, as words of a command line."""
    given: list[str] = []
    for field in FIELDS:
        value = fields.get(field.name) or ()
        for each in [value] if isinstance(value, str) else value:
            given += [field.options[0], each]
    for name in clear:
        given += ["--clear", name]
    return given


VERB = Verb(
    name="edit",
    help=(
        "Change todos. Without a change, edit one todo in $EDITOR. A word such as +home, due:friday or pri:H sets a field, "
        "and due:none clears it. `--note -` reads the note from stdin. After --, every word is text."
    ),
    examples=("todo edit 3 Buy oat milk", "todo edit 1-3 pri:H +home --clear due", "todo edit 3"),
    action=edit,
    group=EVERYDAY,
    about="all",
    arguments=(ONE_IDS_IN_ONE_LIST, Argument("text", "TEXT", "The new text.", required=False, several=True)),
    options=(
        Option(
            "clear",
            ("--clear",),
            f"Clear a field: {', '.join(CLEARABLE)}. May be repeated. Same as FIELD:none.",
            "FIELD",
            multiple=True,
        ),
    ),
    writes=True,
    fields=True,
    literal=True,
    synonyms={
        "": "change modify update set rename",
        "IDS due:DATE": "due schedule postpone reschedule defer",
        "IDS pri:H": "priority pri prioritize",
    },
)
