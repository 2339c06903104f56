"""`todo tag`: add tags to todos, and remove them."""

from collections.abc import Sequence

from ...todo.events import TagAdded, TagRemoved
from ...todo.fields import TAGS
from ...todo.model import Add, Drop, TodoCommand
from ...todo.values import nfc
from ..answers import print_changes_of_lists, record_in_lists
from ..errors import UsageError
from ..fields import valid
from ..output import print_message
from ..session import Session, check_text
from ..text import visible
from ..verb import CHANGE, Argument, Verb


def tag(session: Session, words: Sequence[str]) -> None:
    """Add and remove tags: words that begin with + or - are tags, the others are ids."""
    tags = [word for word in words if word[:1] in "+-" and len(word) > 1]
    ids = [word for word in words if word not in tags]
    if tags and not ids:
        from ..picker import can_pick, pick  # most commands name their todos

        if can_pick(session):
            ids = [picked] if (picked := pick(session, VERB, {})) else []
            if not ids:
                return
    if not tags or not ids:
        names = [word for word in ids if word.isidentifier()]
        hint = "for instance: todo tag 1-3 +home -work"
        if names and len(names) < len(ids) and not tags:
            hint = "did you mean: todo tag " + " ".join(f"+{word}" if word in names else word for word in ids) + "?"
        raise UsageError("give todos, and at least one +TAG or -TAG", hint)
    both = {nfc(word[1:]) for word in tags if word[0] == "+"} & {nfc(word[1:]) for word in tags if word[0] == "-"}
    if both:
        tag = visible(min(both))
        raise UsageError(f"+{tag} and -{tag} contradict each other", "give one of them")
    commands: list[TodoCommand] = [
        Add(TAGS, valid(TAGS.check_item, check_text("tag", word[1:])))
        if word[0] == "+"
        else Drop(TAGS, check_text("tag", word[1:]))
        for word in tags
    ]
    answers = record_in_lists(session, ids, lambda _: commands)
    events = [event.data for answer in answers for commit in answer.commits for event in commit.events]
    recorded = {f"+{event.tag}" for event in events if isinstance(event, TagAdded)}
    removed = {f"-{event.tag}" for event in events if isinstance(event, TagRemoved)}
    what = ", ".join(visible(tag) for tag in (*sorted(recorded), *sorted(removed)))
    print_changes_of_lists(session, answers, "Tagged" if recorded else "Untagged", "Unchanged", what)
    absent = [word[1:] for word in tags if word[0] == "-" and nfc(word) not in removed]
    if absent and any(answer.changed for answer in answers) and not session.options.json:
        print_message(session, f"Not there: {', '.join(f'+{visible(tag)}' for tag in absent)}")


VERB = Verb(
    name="tag",
    help="Add tags to todos, and remove them.",
    examples=("todo tag 3 +home", "todo tag 1-3 +urgent -someday"),
    action=tag,
    group=CHANGE,
    about="all",
    arguments=(Argument("words", "IDS +TAG|-TAG", "Todos, and the tags to add (+) and to remove (-).", several=True),),
    writes=True,
    dashes="word",
    synonyms={"": "label untag"},
)
