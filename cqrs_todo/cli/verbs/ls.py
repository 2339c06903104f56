"""`todo ls`: show todos."""

from collections.abc import Sequence

from ...todo.values import nfc
from ...todo.views import SORT_KEYS, Filter, Item, SortKey, StateFilter, sort_items
from ..clock import to_local
from ..errors import UsageError
from ..output import print_line
from ..session import Session, check_text
from ..tables import print_groups
from ..terminal import print_moment
from ..verb import LOOK, Argument, Option, Verb


def ls(
    session: Session,
    words: Sequence[str],
    everything: bool,
    done: bool,
    removed: bool,
    tags: Sequence[str],
    sort: SortKey,
    limit: int | None,
) -> None:
    """Show todos. Words that begin with '+' are tags."""
    words = [check_text("word", word) for word in words]
    named = (*tags, *(word for word in words if word.startswith("+") and len(word) > 1))
    rest = tuple(word for word in words if not word.startswith("+") or len(word) == 1)
    choices: dict[StateFilter, bool] = {"all": everything, "done": done, "removed": removed}
    states = [state for state, given in choices.items() if given]
    if len(states) > 1:
        raise UsageError(f"--{states[0]} and --{states[1]} contradict each other", "give one of them")
    shown = Filter(rest, tuple(tag.removeprefix("+") for tag in named), states[0] if states else "open")
    if sort not in SORT_KEYS:
        raise UsageError(f"{sort!r} is not a sort key", f"the keys are {', '.join(SORT_KEYS)}")
    view = session.list.view(session.moment)
    _check_tags(shown.tags, view.items)
    rows = sort_items(shown.matching(view.items), sort, to_local)[:limit]
    if session.options.json:
        from .. import document

        print_line(document.encode(document.view_document(view, rows)))
        return
    print_moment(session, view)
    print_groups(session, [("", rows)], session.seen_from(view), empty=_empty(shown, view.items))


def _check_tags(wanted: Sequence[str], items: Sequence[Item]) -> None:
    """Raise `UsageError` if no todo of a list has a tag, not even a done or a removed one."""
    tags = {tag for item in items for tag in item.todo.tags} if wanted and items else set()
    unknown = [tag for tag in wanted if items and nfc(tag) not in map(nfc, tags)]
    if unknown:
        known = ", ".join(sorted(f"+{tag}" for tag in tags))
        raise UsageError(f"no todo has the tag +{unknown[0]}", f"the tags are {known}" if known else "no todo has a tag")


def _empty(shown: Filter, items: Sequence[Item]) -> str:
    if not items:
        return "The list is empty."
    return "Nothing matches." if shown != Filter() else "Nothing is open."


VERB = Verb(
    name="ls",
    help="Show open todos.",
    examples=("todo ls milk", "todo ls -t home --sort due", "todo ls --all --json"),
    action=ls,
    group=LOOK,
    arguments=(
        Argument(
            "words", "WORD", "Show only todos whose text, note or tags contain this word.", required=False, several=True
        ),
    ),
    options=(
        Option("everything", ("--all", "-a"), "Also show done todos."),
        Option("done", ("--done",), "Show only done todos."),
        Option("removed", ("--removed",), "Show only removed todos."),
        Option("tags", ("--tag", "-t"), "Show only todos with this tag.", metavar="TAG", multiple=True),
        Option("sort", ("--sort",), f"Sort by one of {', '.join(SORT_KEYS)}.", metavar="KEY", default="number"),
        Option("limit", ("--limit", "-n"), "Show at most N todos.", metavar="N", kind=int, least=0),
    ),
)
