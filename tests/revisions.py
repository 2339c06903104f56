"""Two todo.txt files as they were at many moments: one made up here, one of the project geomandel.

`python -m tests.revisions FOLDER` writes the made-up revisions into a folder, one file each, to look at them.
"""

import random
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cqrs_todo.todo.values import Priority

GEOMANDEL = Path(__file__).parents[2] / "shared/data/geomandel"
"""The revisions of geomandel's todo.txt. They belong to that project, so they are not in this repository."""
PRIORITIES: dict[str, Priority] = {"A": "H", "B": "M", "C": "L"}
MOMENT = "%Y%m%dT%H%M%SZ"

_LINE = re.compile(r"(?P<done>x \d{4}-\d{2}-\d{2} )?(?:\((?P<priority>[A-Z])\) )?(?:\d{4}-\d{2}-\d{2} )(?P<rest>.*)")
_DUE = re.compile(r"\s+due:(\S+)")
_TAG = re.compile(r"\s+[@+](\S+)")


class Row(NamedTuple):
    """What a line of todo.txt says; contexts and projects are both tags."""

    text: str
    done: bool
    priority: Priority | None
    tags: tuple[str, ...]
    due: str | None


class Revision(NamedTuple):
    """A todo.txt file at a moment."""

    at: datetime
    lines: tuple[str, ...]

    @property
    def rows(self) -> list[Row]:
        """What the lines say, in their order."""
        return [row_of(line) for line in self.lines]


def row_of(line: str) -> Row:
    """Read a line of todo.txt; raise `ValueError` for a line that has no creation date."""
    match = _LINE.fullmatch(line)
    if match is None:
        raise ValueError(f"this is not a line of todo.txt with a creation date: {line!r}")
    rest = match["rest"]
    due = _DUE.search(rest)
    text = _TAG.sub("", _DUE.sub("", rest)).rstrip()
    tags = tuple(sorted(_TAG.findall(rest)))
    return Row(text, match["done"] is not None, PRIORITIES.get(match["priority"] or ""), tags, due and due[1])


def geomandel() -> list[Revision]:
    """Read geomandel's revisions, oldest first; there are none where the folder is missing."""
    return [
        Revision(datetime.strptime(file.stem, MOMENT).replace(tzinfo=UTC), tuple(file.read_text().splitlines()))
        for file in sorted(GEOMANDEL.glob("*.txt"))
    ]


# The history that is made up: a household with a garden, from January to March 2024.

REVISIONS = 40
_START = datetime(2024, 1, 8, 7, 30, tzinfo=UTC)
_TEXTS = [
    "Order seeds for the vegetable beds",
    "Ask the neighbours whether they want the old bicycle",
    "Repair the hinge of the garden gate",
    "Renew the library card",
    "Write to the landlord about the damp wall",
    "Sharpen the pruning shears",
    "Compare the offers for a new boiler",
    "Book a table for the birthday",
    "Back up the photos of last year",
    "Take the winter coats to the cleaner",
    "Draft the programme of the spring concert",
    "Find a date for the rehearsal that suits all of the choir",
    "Cut back the apple tree before the buds open",
    "Pay the second half of the dentist's bill",
    "Replace the battery of the smoke detector in the hall",
    "Print the posters",
    "Look for a used cargo trailer",
    "Fill in the tax return",
    "Call the chimney sweep",
    "Clean the gutters",
    "Plan the route of the cycling tour",
    "Reserve the camp site by the river",
    "Return the borrowed ladder",
    "Sort the tools in the shed",
    "Translate the letter from Lyon",
    "Sow the tomatoes on the window sill",
    "Water the seedlings",
    "Check the tyres",
    "Buy rope, hooks & two pulleys (8 mm)",
    "Teach Zoë to bake the 100 % rye bread",
]
_DETAILS = ["with Jo", "this time for good", "– but not on a Monday", "(bring the list)", "and say thank you"]
_CONTEXTS = ["@home", "@phone", "@computer", "@shed", "@town"]
_PROJECTS = ["+garden", "+choir", "+house", "+cycling", "+paperwork"]


@dataclass
class _Todo:
    text: str
    created: date
    priority: str | None = None
    words: list[str] = field(default_factory=list)
    due: date | None = None
    completed: date | None = None

    def line(self) -> str:
        done = "" if self.completed is None else f"x {self.completed} "
        priority = "" if self.priority is None else f"({self.priority}) "
        due = [] if self.due is None else [f"due:{self.due}"]
        return f"{done}{priority}{' '.join([str(self.created), self.text, *self.words, *due])}"


def household() -> list[Revision]:
    """Make up the revisions of a todo.txt, oldest first; they are the same in every run."""
    drawn = random.Random("household")
    todos: list[_Todo] = []
    at = _START
    unused = drawn.sample(_TEXTS, k=len(_TEXTS))
    revisions = []
    for number in range(REVISIONS):
        if number % 10 == 9:  # in every tenth revision nothing changes but the order
            before = list(todos)
            while todos == before:
                drawn.shuffle(todos)
        else:
            if unused:
                todos.insert(drawn.randint(0, len(todos)), _new(drawn, unused.pop(), at.date()))
            for _ in range(drawn.randint(1, 6)):
                drawn.choices(_CHANGES, _WEIGHTS)[0](drawn, todos, at.date())
        revisions.append(Revision(at, tuple(todo.line() for todo in todos)))
        at += timedelta(minutes=drawn.randint(20, 4_000), seconds=drawn.randint(0, 59))
    return revisions


def _new(drawn: random.Random, text: str, today: date) -> _Todo:
    words = [*drawn.sample(_CONTEXTS, k=drawn.randint(0, 2)), *drawn.sample(_PROJECTS, k=drawn.randint(0, 1))]
    due = today + timedelta(days=drawn.randint(0, 40)) if drawn.random() < 0.4 else None
    return _Todo(text, today, drawn.choice([None, None, *PRIORITIES]), words, due)


def _complete(drawn: random.Random, todos: list[_Todo], today: date) -> None:
    if unfinished := [todo for todo in todos if todo.completed is None]:
        drawn.choice(unfinished).completed = today


def _reopen(drawn: random.Random, todos: list[_Todo], _: date) -> None:
    if done := [todo for todo in todos if todo.completed is not None]:
        drawn.choice(done).completed = None


def _set_priority(drawn: random.Random, todos: list[_Todo], _: date) -> None:
    drawn.choice(todos).priority = drawn.choice([None, *PRIORITIES])


def _set_due(drawn: random.Random, todos: list[_Todo], today: date) -> None:
    drawn.choice(todos).due = drawn.choice([None, today + timedelta(days=drawn.randint(-3, 60))])


def _toggle_word(drawn: random.Random, todos: list[_Todo], _: date) -> None:
    words, word = drawn.choice(todos).words, drawn.choice(_CONTEXTS + _PROJECTS)
    if word in words:
        words.remove(word)
    else:
        words.insert(drawn.randint(0, len(words)), word)


def _reword(drawn: random.Random, todos: list[_Todo], _: date) -> None:
    todo = drawn.choice(todos)
    plain = todo.text.partition("  ")[0]  # a detail follows two spaces
    todo.text = plain if plain != todo.text else f"{plain}  {drawn.choice(_DETAILS)}"


def _duplicate(drawn: random.Random, todos: list[_Todo], today: date) -> None:
    """Write a todo down a second time, because nobody looked whether it is there."""
    twin = _new(drawn, drawn.choice(todos).text, today)
    todos.append(twin)


def _reorder(drawn: random.Random, todos: list[_Todo], _: date) -> None:
    todos.insert(drawn.randint(0, len(todos)), todos.pop(drawn.randrange(len(todos))))


def _delete(drawn: random.Random, todos: list[_Todo], _: date) -> None:
    if len(todos) > 1:
        todos.pop(drawn.randrange(len(todos)))


_KINDS: list[tuple[Callable[[random.Random, list[_Todo], date], None], int]] = [
    (_complete, 10),
    (_reopen, 4),
    (_set_priority, 10),
    (_set_due, 4),
    (_toggle_word, 9),
    (_reword, 5),
    (_duplicate, 1),
    (_reorder, 4),
    (_delete, 2),
]
_CHANGES = [change for change, _ in _KINDS]
_WEIGHTS = [weight for _, weight in _KINDS]


if __name__ == "__main__":
    for revision in household():
        lines = "".join(f"{line}\n" for line in revision.lines)
        (Path(sys.argv[1]) / f"{revision.at.strftime(MOMENT)}.txt").write_text(lines, encoding="utf-8")
