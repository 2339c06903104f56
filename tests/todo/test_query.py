"""The query language: what each query finds among nine todos, which texts are not queries, and what holds for all."""

import random
import re
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cqrs_todo.cqrs.struct import replace
from cqrs_todo.todo import query as language
from cqrs_todo.todo.errors import InvalidQuery
from cqrs_todo.todo.fields import DEPENDS, PARENT, TAGS, Todo
from cqrs_todo.todo.query import LONGEST, Context, filters_named, parse
from cqrs_todo.todo.values import Recurrence
from cqrs_todo.todo.views import Item

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 25, 9, tzinfo=BERLIN)  # a Wednesday
FILTERS = {"home": "+home or project:home", "urgent": "filter:home pri:H", "a": "filter:b", "b": "filter:a", "bad": "due:"}


def item(number: int, text: str, created: str = "2026-11-02", **fields: Any) -> Item:
    return Item(number, f"todo/t{number}", 1, Todo(text, datetime.fromisoformat(f"{created}T10:00:00Z"), **fields))


ITEMS = [
    item(1, "Buy milk", tags=("home",), priority="M"),
    item(2, "Call Zo\u00eb (bank)", due="2026-11-24", priority="H", project="home.money"),
    item(3, "Plan the trip", due="2026-11-25", tags=("home", "out", "x"), created="2026-11-23"),
    item(4, "Train", due="2026-11-27T16:00:00Z", note="bring milk; see https://bahn.de"),  # 17:00 in Berlin
    item(5, "Old milk", completed="2026-11-20", tags=("home",)),
    item(6, "Gone", removed=True, due="2026-11-27"),
    item(7, "Rent", due="2026-12-01", project="homework", reminder=datetime(2026, 11, 30, 8, tzinfo=UTC)),
    item(8, "Deploy cafe\u0301", tags=("caf\u00e9",), priority="L", project="work.a", created="2025-03-01"),
    item(9, "Write overdue report", completed="2026-11-24T09:30:00Z", project="work.a.b"),
]


LINKED = [
    item(1, "Trip", due="2026-12-20"),
    item(2, "Book", parent="t1"),
    item(3, "Pack", parent="t1", depends=("t2", "gone")),
    item(4, "Pack socks", parent="t3", wait="2026-11-26"),
    item(5, "Rent", every=Recurrence("FREQ=MONTHLY;BYMONTHDAY=1", "2026-12-01"), due="2026-12-01"),
    item(6, "Water", every=Recurrence("FREQ=DAILY;INTERVAL=3", "2026-11-20", after=True), wait="2026-11-25T07:59:00Z"),
    item(7, "Ready again", depends=("t8", "t9")),
    item(8, "Done", completed="2026-11-20"),
    item(9, "Removed", removed=True),
    item(10, "Later", wait="2026-11-25T08:01:00Z", depends=("t6",)),
    item(11, "Needs one that waits", depends=("t10",)),
]


def context(items: Sequence[Item]) -> Context:
    return Context(
        now=NOW, to_local=lambda instant: instant.astimezone(BERLIN), list="Caf\u00e9", items=items, filters=FILTERS
    )


CONTEXT = context(ITEMS)


def found(query: str, items: Sequence[Item] = ITEMS) -> list[int]:
    return [each.number for each in parse(query, context(items)).matching()]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [1, 2, 3, 5, 6, 7, 11]),
        ("is:waiting", [4, 10]),
        ("is:open", [1, 2, 3, 4, 5, 6, 7, 10, 11]),
        ("pack", [3]),
        ("pack or is:waiting", [3, 4, 10]),
        ("is:any not is:waiting", [1, 2, 3, 5, 6, 7, 8, 9, 11]),
        ("is:blocked", [3, 11]),
        ("is:blocking", [2, 6]),
        ("is:blocking is:open", [2, 6, 10]),
        ("is:ready", [1, 2, 5, 6, 7]),
        ("is:recurring", [5, 6]),
        ("every:month", [5]),
        ("every:after-3-days", [6]),
        ("every:day", []),
        ("every:1st", [5]),
        ("under:Caf\u00e9/3 is:open", [4]),
        ("under:work/1", []),
        ("no:every has:parent", [2, 3]),
        ("under:1", [2, 3]),
        ("under:1 is:open", [2, 3, 4]),
        ("parent:3 is:open", [4]),
        ("under:t3 is:open", [4]),
        ("-under:1", [1, 5, 6, 7, 11]),
        ("depends:2", [3]),
        ("depends:2,10", [3, 11]),
        ("wait:..today", [6, 10]),
        ("wait:tomorrow", [4]),
        ("wait:none is:open", [1, 2, 3, 5, 7, 11]),
        ("no:depends", [1, 2, 5, 6]),
    ],
)
def test_links_waits_and_recurrences_can_be_asked_for(query: str, expected: list[int]) -> None:
    assert found(query, LINKED) == expected


def test_a_query_says_which_todos_would_be_found_if_they_were_not_waiting() -> None:
    shown, hidden = parse("pack", context(LINKED)).divided()
    assert [each.number for each in shown] == [3]
    assert [each.number for each in hidden] == [4]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        # words
        ("", [1, 2, 3, 4, 7, 8]),
        ("milk", [1, 4]),
        ("MILK buy", [1]),
        ("zoe", [2]),
        ("ZO\u00cb", [2]),
        ("CAF\u00c9", [8]),
        ('"plan the"', [3]),
        ('"the plan"', []),
        ("plan trip", [3]),
        ('"(bank)"', [2]),
        ("out", [3]),
        ("https://bahn.de", [4]),
        ("text:https:", [4]),
        ('text:"buy milk"', [1]),
        ("text:milk,rent", [1, 4, 7]),
        ("17:00", []),
        ('"overdue" is:any', [9]),
        ('"and"', []),
        # tags
        ("+home", [1, 3]),
        ("-home", [2, 4, 7, 8]),
        ("+home -out", [1]),
        ("+home,out", []),
        ("tag:home", [1, 3]),
        ("tag:out,caf\u00e9", [3, 8]),
        ("+cafe\u0301", [8]),
        ("+cafe", []),
        ("+Home", []),
        ("not +x", [1, 2, 4, 7, 8]),
        ("-x", [1, 2, 4, 7, 8]),
        ("tags:none", [2, 4, 7]),
        ("has:tag", [1, 3, 8]),
        # choices and names
        ("pri:H", [2]),
        ("pri:h,medium", [1, 2]),
        ("priority:low", [8]),
        ("-pri:H", [1, 3, 4, 7, 8]),
        ("no:pri", [3, 4, 7]),
        ("pri:none", [3, 4, 7]),
        ("pri:any", [1, 2, 8]),
        ("project:home", [2]),
        ("project:work", [8]),
        ("project:=work", []),
        ("project:=work.a", [8]),
        ("project:work is:done", [9]),
        ("-project:work", [1, 2, 3, 4, 7]),
        ("no:project", [1, 3, 4]),
        ("list:CAFE\u0301", [1, 2, 3, 4, 7, 8]),
        ("list:work", []),
        ("list:work,caf\u00e9 milk", [1, 4]),
        ("note:milk", [4]),
        ("has:note", [4]),
        # logic
        ("milk or rent", [1, 4, 7]),
        ("milk OR", []),
        ("milk and buy", [1]),
        ("milk and not buy", [4]),
        ("not milk", [2, 3, 7, 8]),
        ("not (milk or rent)", [2, 3, 8]),
        ("(milk or rent) has:due", [4, 7]),
        ("milk or rent has:due", [1, 4, 7]),
        ("((milk))", [1, 4]),
        ("( milk )", [1, 4]),
        ("+home or +caf\u00e9 or pri:H", [1, 2, 3, 8]),
        # states and the scope
        ("is:open", [1, 2, 3, 4, 7, 8]),
        ("is:done", [5, 9]),
        ("is:removed", [6]),
        ("is:any", [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("is:done,removed", [5, 6, 9]),
        ("is:open,done +home", [1, 3, 5]),
        ("+home or is:done", [1, 3, 5, 9]),
        ("-is:open", [5, 9]),
        ("overdue", [2]),
        ("is:overdue", [2]),
        ("is:today", [3]),
        ("overdue or is:today", [2, 3]),
        ("not overdue", [1, 3, 4, 7, 8]),
        # dates: Wednesday is the 25th
        ("due:today", [3]),
        ("due:yesterday", [2]),
        ("due:2026-11-24", [2]),
        ("due:friday", [4]),
        ("due:friday-17:00", [4]),
        ("due:friday-16:00", []),
        ("due:..friday", [2, 3, 4]),
        ("due:..friday-16:00", [2, 3]),
        ("due:today..", [3, 4, 7]),
        ("due:this-week", [2, 3, 4]),
        ("due:monday..friday", [7]),
        ("due:friday..monday", [4]),
        ("due:yesterday,friday", [2, 4]),
        ("due:none", [1, 8]),
        ("no:due", [1, 8]),
        ("has:due", [2, 3, 4, 7]),
        ("-due:any", [1, 8]),
        ("due:december", [7]),
        ("remind:monday", [7]),
        ("reminder:..2026-11-30-08:59", []),
        ("has:remind", [7]),
        ("created:monday", [3]),
        ("created:..january", [8]),
        ("created:november", [1, 2, 3, 4, 7]),
        ("created:last-year..", [1, 2, 3, 4, 7, 8]),
        ("created:tomorrow", []),
        ("done:last-week", [5]),
        ("done:yesterday", [9]),
        ("done:friday..tuesday", [5, 9]),
        ("done:monday..friday", [9]),
        ("done:any", [5, 9]),
        ("has:done", [5, 9]),
        ("no:done", [1, 2, 3, 4, 7, 8]),
        ("done:none", [1, 2, 3, 4, 7, 8]),
        # saved filters
        ("filter:home", [1, 2, 3]),
        ("filter:urgent", [2]),
        ("-filter:home", [4, 7, 8]),
        ("filter:home is:any milk", [1, 5]),
    ],
)
def test_a_query_finds_todos(query: str, expected: list[int]) -> None:
    assert found(query) == expected


@pytest.mark.parametrize(
    ("query", "column", "why", "hint"),
    [
        ("due:", 1, "due: has no value", "no:due"),
        ("due:friday,", 1, "due: has no value", "no:due"),
        ("fo:", 1, "fo: has no value", '"fo:"'),
        ("milk duе:today", 6, "there is no key 'duе'", "did you mean due?"),
        ("projct:home", 1, "there is no key 'projct'", "did you mean project?"),
        ("xyz:home", 1, "there is no key 'xyz'", "to search for the text: text:xyz:home"),
        ("due:friday 17:00", 12, "'17:00' belongs to the date", "due:friday-17:00"),
        ('due:"in 99999999 days"', 5, "too far away", "due:tomorrow"),
        ("due:in 99999999 days", 8, "too far away", "due:tomorrow"),
        ("due:24 dec", 8, "'dec' belongs to the date", "due:24-dec"),
        ("due:..next friday", 12, "'friday' belongs to the date", "due:..next-friday"),
        ("due:soonish", 5, "'soonish'", "due:tomorrow"),
        ("due:2026-12-05..2026-12-01", 5, "ends before it begins", "due:2026-12-01..2026-12-05"),
        ("due:a..b..c", 5, "is not a range", "due:monday..friday"),
        ("due:..", 5, "is not a range", "due:monday..friday"),
        ("pri:Z", 5, "there is no value 'Z'", "the values are H, L, M"),
        ("is:opne", 4, "there is no state 'opne'", "did you mean open?"),
        ("no:deu", 4, "there is no field 'deu'", "did you mean due?"),
        ("filter:hom", 8, "there is no filter 'hom'", "did you mean home?"),
        ("filter:a", 8, "a → b → a", "change a filter of this circle"),
        ("filter:bad", 8, "in the filter bad: column 1 of the query: due: has no value", "no:due"),
        ("(milk", 1, "not closed", "write )"),
        ("milk )", 6, "closes nothing", "quote it"),
        ("()", 2, "where a term is expected", ""),
        ("milk or", 8, "the query ends after 'or'", '"or"'),
        ("or milk", 1, "'or' comes", '"or"'),
        ("not", 4, "the query ends after 'not'", '"not"'),
        ("milk and and", 10, "'and' comes after 'and'", '"and"'),
        ('milk ""', 6, "the phrase is empty", "words"),
        ('not "\u0301 "', 5, "the phrase is empty", "words"),
        ('milk "bank', 6, "the quotation mark has no end", "phrase"),
        ('text:"bank', 6, "the quotation mark has no end", "phrase"),
        ('-"two words"', 1, "a tag is one word", 'not "two words"'),
        ("(" * 60 + "milk", 51, "more than 50 parentheses", "filter"),
        ("x" * (LONGEST + 1), 1, "at most 10,000 characters", "filter"),
    ],
)
def test_what_is_wrong_is_named_with_its_column(query: str, column: int, why: str, hint: str) -> None:
    with pytest.raises(InvalidQuery) as caught:
        found(query)
    assert caught.value.column == column
    assert why in str(caught.value)
    assert hint in caught.value.hint


_TERMS = """or and not is: due: .. friday 17:00 +home -out pri:H project:a. filter:home text: no:due overdue list: \u00e9
created: // done:"""
PARTS = [*'()":,.+-=\t\0\x1b\ud800 \u0301', *_TERMS.split()]


@pytest.mark.parametrize("count", [20_000, pytest.param(100_000, marks=pytest.mark.long)])
def test_no_text_raises_anything_but_the_error_of_a_query(count: int) -> None:
    chance = random.Random(3)
    parsed = 0
    for _ in range(count):
        text = "".join(chance.choice(PARTS) + chance.choice(["", " "]) for _ in range(chance.randint(1, 9)))
        try:
            found(text)
        except InvalidQuery as error:
            assert 1 <= error.column <= len(text) + 1  # noqa: PT017  # the loop goes on
        else:
            parsed += 1
    assert parsed > count / 10


def test_the_examples_of_the_documentation_are_queries() -> None:
    page = (Path(__file__).parents[2] / "docs/queries.md").read_text()
    lines = re.findall(r"^ +todo ls (.+)$", page, re.MULTILINE)
    cells = [cell for row in re.findall(r"^\| (`.+?) \|", page, re.MULTILINE) for cell in re.findall(r"`(.+?)`", row)]
    where = re.findall(r"^ +todo \w+ --where '(.+?)'", page, re.MULTILINE)
    assert len(where) == 3
    queries = [" ".join(shlex.split(line)) for line in lines] + where + cells
    assert len(queries) > 30
    context = Context(now=NOW, to_local=lambda instant: instant, items=ITEMS, filters={"urgent": "overdue or pri:H"})
    context = replace(context, attributes={"estimate": "number", "place": "text"})
    for query in queries:
        parse(query, context)


def test_a_query_and_its_opposite_divide_what_is_open() -> None:
    for query in ("milk", "+home", "due:..friday", "pri:H or project:home", "filter:home", "overdue", "not milk"):
        assert sorted(found(query) + found(f"not ({query})")) == found("")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("filter:w", [("w", False)]),
        ("+a Filter:w due:monday", [("w", False)]),
        ("filter:w,x", [("w", False), ("x", False)]),
        ('filter:"a b"', [("a b", False)]),
        ("-filter:w", [("w", True)]),
        ("not filter:w", [("w", True)]),
        ("not -filter:w", [("w", False)]),
        ("(filter:w or +a)", [("w", False)]),
        ("not (+a or filter:w) filter:x", [("w", True), ("x", False)]),
        ("text:filter:w", []),
        ('"filter:w"', []),
    ],
)
def test_the_filters_that_a_query_names_are_found(text: str, expected: list[tuple[str, bool]]) -> None:
    assert filters_named(text) == expected


def test_only_tags_that_are_wanted_are_reported() -> None:
    query = parse("+home -work not +x not (+y) not -z", Context(now=NOW, to_local=lambda instant: instant, items=ITEMS))
    assert query.tags == ("home", "z")


@pytest.mark.parametrize("text", ["list:nope", "under:nope/3", "depends:/B/"])
def test_a_list_that_does_not_exist_is_an_error(text: str) -> None:
    context = Context(now=NOW, to_local=lambda instant: instant, list="inbox", items=ITEMS, lists=lambda: ["inbox", "work"])
    with pytest.raises(InvalidQuery, match="there is no list"):
        parse(text, context)


def test_an_error_within_a_filter_names_the_filter() -> None:
    context = Context(now=NOW, to_local=lambda instant: instant, items=ITEMS, filters={"a": "due:"})
    with pytest.raises(InvalidQuery, match="in the filter a: "):
        parse("filter:a", context)


def test_a_second_field_of_a_kind_is_searched_in_its_own_values(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = [
        replace(TAGS, name="depends", item="skill", marker="skill:"),
        replace(PARENT, name="note", marker="near:"),
        replace(DEPENDS, name="tags", marker="beside:"),
    ]
    for field in fields:
        key = field.marker.removesuffix(":")
        monkeypatch.setitem(language._FIELDS, key, field)
        monkeypatch.setitem(language._COMPARED, key, field.name)
    items = [
        item(1, "Shelf", depends=("carpentry",), tags=("out",)),
        item(2, "Tap", depends=("out",), note="t1"),
        item(3, "Near it", parent="t2", tags=("t2",)),
    ]
    assert found("skill:carpentry", items) == [1]
    assert found("skill:out", items) == [2]
    assert found("near:1", items) == [2]
    assert found("beside:2", items) == [3]
