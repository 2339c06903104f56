"""Choosing todos on a terminal, for a verb that names none: type to search, and mark several with Tab.

questionary draws the list. It is in the extra `picker`, because it takes as long to import as many a verb.
"""

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .errors import UsageError, to_install
from .ids import starts_with_ids
from .output import print_message
from .session import Session
from .states import likely_todos
from .text import visible
from .verb import Verb

if TYPE_CHECKING:
    from prompt_toolkit.application import Application


def can_pick(session: Session) -> bool:
    """Return whether a person can choose todos: there is a terminal, and no script runs it."""
    on_terminal = sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    return on_terminal and not session.options.json and session.options.command_id is None


def pick(session: Session, verb: Verb, values: Mapping[str, Any]) -> str:
    """Let a person choose todos of the list in use.

    Args:
        session: This run of the program.
        verb: The verb that the todos are for.
        values: What was typed, by the names of the arguments.

    Returns:
        Their numbers in one word; '' if none was chosen.

    Raises:
        UsageError: There is no terminal, questionary is not installed, or something else than the todos is missing.
        KeyboardInterrupt: The person pressed Ctrl-C.
    """
    for argument in verb.arguments[1:]:
        value = values[argument.name]
        if argument.required and isinstance(value, str) and starts_with_ids([value]):  # these are the todos
            raise UsageError(f"missing argument {argument.metavar!r}", f"for instance: {verb.examples[0]}")
    example = f"name them, for instance: {verb.examples[0]}"
    if not can_pick(session):
        raise UsageError("the todos are missing", example)
    try:
        import questionary
    except ImportError:
        raise UsageError(
            "the todos are missing, and to choose them here, the extra `picker` must be installed",
            f"{example}; or install it {to_install('picker')}",
        ) from None
    items = likely_todos(session.list, verb.about, session.moment)
    if not items:
        print_message(session, "There is no todo to choose.")
        return ""
    width = len(f"{items[-1].number}")
    choices = [questionary.Choice(f"{item.number:>{width}}  {visible(item.todo.text)}", value=item.number) for item in items]
    question = questionary.checkbox(
        f"Which todos? ({verb.name})",
        choices=choices,
        instruction="\n  (Type to search. Space marks, or Tab in a search. Enter takes, Esc cancels.)",
        use_search_filter=True,
        use_jk_keys=False,
    )
    _bind_keys(question.application)
    chosen = question.unsafe_ask()
    if not chosen:
        print_message(session, "Nothing was chosen.")
    return ",".join(map(str, chosen))


def _bind_keys(application: "Application[Any]") -> None:
    """Bind the keys that questionary binds differently or not at all.

    Tab and Ctrl-Space mark the todo at the arrow, and Ctrl-A all todos that match. A space marks as long as no search was
    typed; then it is part of the search. Enter takes the marked todos, or the one at the arrow. Escape cancels. If nothing
    matches, questionary shows all todos, but nobody has chosen one of them.
    """
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent, merge_key_bindings
    from prompt_toolkit.keys import Keys
    from questionary.prompts.common import Choice, InquirerControl

    control = next(each for each in application.layout.find_all_controls() if isinstance(each, InquirerControl))
    keys = KeyBindings()

    def matching() -> list[Choice]:
        choices = control.filtered_choices  # this also sets `found_in_search`, unless there is no search
        return choices if control.found_in_search or not control.search_filter else []

    def toggle() -> None:
        for choice in matching()[control.pointed_at :][:1]:
            if choice.value in control.selected_options:
                control.selected_options.remove(choice.value)
            else:
                control.selected_options.append(choice.value)

    @keys.add(Keys.ControlI, eager=True)
    @keys.add(Keys.ControlAt, eager=True)
    def mark(_event: KeyPressEvent) -> None:
        toggle()

    @keys.add(Keys.ControlA, eager=True)
    def mark_all(_event: KeyPressEvent) -> None:
        values = [choice.value for choice in matching()]
        others = [value for value in control.selected_options if value not in values]
        control.selected_options = others if len(others) + len(values) == len(control.selected_options) else others + values

    @keys.add(" ", eager=True)
    def mark_or_search(event: KeyPressEvent) -> None:
        if control.search_filter:
            search(event)
        else:
            toggle()

    @keys.add(Keys.Any)  # questionary takes no letters but those of ASCII
    def search(event: KeyPressEvent) -> None:
        if event.data.isprintable():
            control.add_search_character(event.data)  # type: ignore[arg-type]  # it takes the text of any key

    @keys.add(Keys.ControlM, eager=True)
    def take(event: KeyPressEvent) -> None:
        if not control.selected_options:
            toggle()
        control.is_answered = True
        event.app.exit(result=[choice.value for choice in control.get_selected_values()])

    @keys.add(Keys.Escape, eager=True)
    def cancel(event: KeyPressEvent) -> None:
        event.app.exit(result=[])

    application.key_bindings = merge_key_bindings([*filter(None, [application.key_bindings]), keys])
