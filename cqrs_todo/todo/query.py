"""The query language: which todos to show, or to change.

    query = all {"or" all} ;   all = not {["and"] not} ;   not = ["not"] unit
    unit  = "(" query ")" | term
    term  = "+"TAG | "-"TAG | ["-"]KEY":"value{","value} | "overdue" | WORD | '"'PHRASE'"'
    value = DATE | [DATE]".."[DATE] | NAME | '"'PHRASE'"' | "none" | "any"

The fields of a todo are keys because they are declared in `fields`. What a key does with its values follows from the kind
of the field. docs/queries.md describes the language. Nothing here reads a clock or the environment.
"""

from __future__ import annotations

from datetime import date, datetime
from math import inf

from ..cqrs.names import name_key
from ..cqrs.struct import Struct, replace
from .errors import InvalidQuery, UnreadableRule
from .fields import FIELDS, PARENT, TAGS
from .values import AttributeKind, ToLocal, nfc, number_in, searchable, time_in
from .views import Item, attributes_of, is_overdue, is_waiting, local_day, open_items

TYPE_CHECKING = False  # `typing` costs as much to import as Python costs to start
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from typing import Any, TypeAlias

    from .errors import Setting
    from .fields import Declared
    from .links import Links
    from .times import Lean, Span, UnreadableTime
    from .times.tokens import Order

    Test: TypeAlias = Callable[[Item], bool]
    """Returns whether a todo has a property."""

LONGEST = 10_000
"""The longest query that is accepted, in characters."""
_DEEPEST = 50
"""How deep parentheses and saved filters may be nested."""
_SCOPES = ("open", "done", "removed", "any", "waiting")
"""The states that take the place of the usual scope, which is the open todos that are not waiting."""
STATES = (*_SCOPES, "overdue", "today", "blocked", "blocking", "ready", "recurring")
"""The values of the key `is`."""
_PAST = {"created": "created", "done": "completed"}
"""The keys that look back, and the attributes of `Todo` that they compare."""


class Context(Struct, frozen=True, kw_only=True):
    """What a query depends on besides its text.

    Args:
        now: The present, with a time zone.
        to_local: The reader's time zone.
        list: The name of the list that is searched.
        items: All todos of that list.
        here: The name of the list whose todos are named by their numbers alone; '' for the one that is searched.
        filters: The saved filters by name. None: there are none.
        order: How to read dates such as 3/4/2026. None refuses dates that can be read in two ways.
        attributes: The kinds of the declared attributes by name.
        lists: Returns the names of all lists, so that a name that is wrong is an error. None: they are not known.
    """

    now: datetime
    to_local: ToLocal
    list: str = ""
    items: Sequence[Item] = ()
    here: str = ""
    filters: Mapping[str, str] | None = None
    order: Order = None
    attributes: Mapping[str, AttributeKind] | None = None
    lists: Callable[[], Sequence[str]] | None = None


class Query(Struct, frozen=True):
    """Which todos of a list are wanted.

    Args:
        context: What the query depends on besides its text.
        tests: A todo must pass each of them.
        scopes: The states that the query names. Without any, only open todos are wanted that are not waiting.
        tags: The tags that the query wants, without those that it excludes.
        depends_on: What the answer for a todo depends on besides the todo: the "day", the "time" (of the todo's own dates
            only), "links" to other todos, or "names" of what may not be there yet.
        intervals: The times that its dates mean; None for an open end.
    """

    context: Context
    tests: tuple[Test, ...] = ()
    scopes: frozenset[str] = frozenset()
    tags: tuple[str, ...] = ()
    depends_on: frozenset[str] = frozenset()
    intervals: tuple[tuple[datetime | None, datetime | None], ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing, so that it wants all open todos that are not waiting."""
        return not self.tests

    def within(self, state: str) -> Query:
        """Return the query that wants only todos in a state.

        Args:
            state: "done", "removed", or "all" for those that are open or done.
        """
        test = {"done": _is_done, "removed": _is_removed, "all": _is_there}[state]
        return replace(self, tests=(test, *self.tests), scopes=self.scopes | {"any"})

    def matching(self) -> list[Item]:
        """Return the todos that are wanted, in the order of the list."""
        return self.divided()[0]

    def divided(self) -> tuple[list[Item], list[Item]]:
        """Return the todos that are wanted, and those that would be if they were not waiting, in the order of the list."""
        return self.divide(self.context.items, self.context.now)

    def divide(self, items: Collection[Item], now: datetime) -> tuple[list[Item], list[Item]]:
        """Return the same for some todos of the list.

        Args:
            items: The todos.
            now: The time at which they wait or not.
        """
        if not self.scopes:
            rows = open_items(items)
        elif self.scopes & {"removed", "any"}:
            rows = list(items)
        else:
            rows = list(filter(_is_there, items))
        for test in self.tests:
            rows = [item for item in rows if test(item)]
        if self.scopes or not any(item.todo.wait for item in rows):
            return rows, []
        hidden = [item for item in rows if is_waiting(item.todo, now, self.context.to_local)]
        streams = {item.stream for item in hidden}
        return [item for item in rows if item.stream not in streams], hidden


def parse(text: str, context: Context) -> Query:
    """Parse a query.

    Args:
        text: The query. An empty one wants all open todos.
        context: What it depends on.

    Raises:
        InvalidQuery: It is not a query.
    """
    if len(text) > LONGEST:
        raise InvalidQuery(f"a query has at most {LONGEST:,} characters", 1, "save a part of it as a filter")
    found: list[Links] = []

    def links() -> Links:
        if not found:
            from .links import Links  # few queries ask for them

            found.append(Links(context.items))
        return found[0]

    parser = _Parser(text, context, (), links)
    tests = parser.whole()
    return Query(
        context,
        tests,
        scopes=frozenset(parser.scopes),
        tags=tuple(dict.fromkeys(parser.tags)),
        depends_on=frozenset(parser.depends_on),
        intervals=tuple(parser.intervals),
    )


def filters_named(text: str) -> list[tuple[str, bool]]:
    """Return the saved filters that a query names, each with whether the query excludes it.

    Args:
        text: The query.

    Raises:
        InvalidQuery: A quotation mark has no end.
    """
    found: list[tuple[str, bool]] = []
    excludes = [False]  # for each parenthesis that is open
    after_not = False
    for token in _tokens(text):
        if token.text == "not":
            after_not = not after_not
            continue
        if token.text == "(":
            excludes.append(excludes[-1] is not after_not)
        elif token.text == ")" and len(excludes) > 1:
            excludes.pop()
        sign, word = (token.text[0], token.text[1:]) if token.text[0] == "-" else ("", token.text)
        key, _, rest = word.partition(":")
        if key.lower() == "filter":
            excluded = (excludes[-1] is not after_not) is not bool(sign)
            found += [(name, excluded) for name in _values(rest)]
        after_not = False
    return found


class _Token(Struct, frozen=True):
    """A part of a query: a parenthesis, or what stands between spaces outside quotation marks; and its first column."""

    text: str
    column: int


def _tokens(text: str) -> Iterator[_Token]:
    place, depth = 0, 0
    while place < len(text):
        char = text[place]
        if char.isspace():
            place += 1
            continue
        begin = place
        if char in "()":
            depth += 1 if char == "(" else -1
            place += 1
        else:
            place = _end_of_term(text, place, closes=depth > 0)
        yield _Token(text[begin:place], begin + 1)


def _end_of_term(text: str, begin: int, *, closes: bool) -> int:
    """Return where a term ends. A parenthesis that was opened within the term belongs to it, as in `f(x)`."""
    place, inner = begin, 0
    while place < len(text) and not text[place].isspace():
        char = text[place]
        if char == '"' and (place == begin or text[place - 1] in ":,-"):
            end = text.find('"', place + 1)
            if end < 0:
                raise InvalidQuery("the quotation mark has no end", place + 1, 'write "…" around the phrase')
            place = end
        elif char == "(":
            inner += 1
        elif char == ")":
            if not inner and closes:
                break
            inner = max(0, inner - 1)
        place += 1
    return place


class _Parser:
    """Parses one text. The states and tags that it names are collected on the way."""

    def __init__(self, text: str, context: Context, within: tuple[str, ...], links: Callable[[], Links]) -> None:
        self.context = context
        self._links = links
        self.scopes: set[str] = set()
        self.tags: list[str] = []
        self.depends_on: set[str] = set()
        self.intervals: list[tuple[datetime | None, datetime | None]] = []
        self._tokens = list(_tokens(text))
        self._end = len(text) + 1
        self._place = 0
        self._depth = 0
        self._within = within
        self._excludes = False
        self._known: Mapping[str, str] | None = None

    def whole(self) -> tuple[Test, ...]:
        """Parse the whole text."""
        if not self._tokens:
            return ()
        tests = self._any()
        token = self._peek()
        if token is not None:
            raise InvalidQuery("this parenthesis closes nothing", token.column, "remove it, or quote it")
        return tests

    # the grammar

    def _any(self) -> tuple[Test, ...]:
        choices = [self._all()]
        while self._takes("or"):
            choices.append(self._all())
        return choices[0] if len(choices) == 1 else (_either([_each(tests) for tests in choices]),)

    def _all(self) -> tuple[Test, ...]:
        tests = [*self._not()]
        while True:
            token = self._peek()
            if token is None or token.text in (")", "or"):
                return tuple(tests)
            self._takes("and")
            tests += self._not()

    def _not(self) -> tuple[Test, ...]:
        if self._takes("not"):
            self._excludes = not self._excludes
            tests = self._unit()
            self._excludes = not self._excludes
            return (_opposite(tests),)
        return self._unit()

    def _unit(self) -> tuple[Test, ...]:
        token = self._peek()
        if token is None or token.text in (")", "and", "or", "not"):
            column = self._end if token is None else token.column
            found = "the query ends" if token is None else f"{token.text!r} comes"
            before = self._tokens[self._place - 1].text if self._place else ""
            after = f" after {before!r}" if before else ""
            word = before or (token.text if token else "")
            raise InvalidQuery(f"{found}{after} where a term is expected", column, f'to search for the word, write "{word}"')
        self._place += 1
        if token.text == "(":
            self._depth += 1
            if self._depth > _DEEPEST:
                raise InvalidQuery(f"more than {_DEEPEST} parentheses are open", token.column, "save a part as a filter")
            tests = self._any()
            if not self._takes(")"):
                raise InvalidQuery("this parenthesis is not closed", token.column, "write ) where it ends")
            self._depth -= 1
            return tests
        return self._term(token)

    def _peek(self) -> _Token | None:
        return self._tokens[self._place] if self._place < len(self._tokens) else None

    def _takes(self, text: str) -> bool:
        token = self._peek()
        if token is None or token.text != text:
            return False
        self._place += 1
        return True

    # terms

    def _term(self, token: _Token) -> tuple[Test, ...]:
        text = token.text
        sign, word = (text[0], text[1:]) if text[0] in "+-" and len(text) > 1 else ("", text)
        if sign == "+":
            return (self._tagged(word),)
        key, colon, rest = word.partition(":")
        if word[0] != '"' and colon and not rest.startswith("//") and (_is_name(key) or self._attribute(key)):
            tests = self._keyed(key.lower(), rest, token, token.column + len(sign))
        elif sign:
            if word[0] == '"':
                raise InvalidQuery("a tag is one word", token.column, f"write: not {word}")
            tests = (self._tagged(word, wants=False),)
        elif text == "overdue":
            return self._states("overdue", token.column)
        else:
            phrase = _unquoted(text)
            if not searchable(phrase).strip():
                raise InvalidQuery("the phrase is empty", token.column, "write words between the quotation marks")
            return (_containing(phrase),)
        return (_opposite(tests),) if sign else tests

    def _tagged(self, tag: str, *, wants: bool = True) -> Test:
        wanted = nfc(_unquoted(tag))
        if wants is not self._excludes:
            self.tags.append(wanted)
        # the first comparison is the fast one, and nearly always right
        return lambda item: wanted in item.todo.tags or any(nfc(each) == wanted for each in item.todo.tags)

    def _keyed(self, key: str, rest: str, token: _Token, column: int) -> tuple[Test, ...]:
        """Return the tests of a key and its values, of which the todo must have one."""
        if key in _OTHER_MARKERS:
            key, rest = _OTHER_MARKERS[key], f"{key} {rest}"
        is_rule = key in _FIELDS and _FIELDS[key].kind == "recurrence"
        values = [_unquoted(rest)] if is_rule else _values(rest)
        if not all(values):
            has = key in _COMPARED or self._attribute(key) is not None
            example = f"no:{key}" if has else f'"{token.text}"'
            raise InvalidQuery(f"{key}: has no value", column, f"without one: {example}")
        where = column + len(key) + 1
        if key == "filter":
            tests = [_each(self._saved(name, where)) for name in values]
        elif key in ("is", "no", "has", "list", "text"):
            tests = [self._special(key, value, where) for value in values]
        elif key in _COMPARED:
            if key == "done":
                self.scopes.add("done")
            if key == "wait" and values != ["none"]:  # most of these are hidden otherwise
                self.scopes.add("open")
            tests = [self._of_field(key, value, where) for value in values]
        elif (attribute := self._attribute(key)) is not None:
            tests = [self._valued(attribute, value, where) for value in values]
        else:
            known = [*_OTHER_KEYS, *_COMPARED, *self._attributes().values()]
            raise _unknown("key", key, known, column, f"to search for the text: text:{token.text}")
        return (tests[0],) if len(tests) == 1 else (_either(tests),)

    def _saved(self, name: str, column: int) -> tuple[Test, ...]:
        """Return the tests of a saved filter."""
        if name in self._within:
            circle = " → ".join((*self._within, name))
            why = f"the filter {name} contains itself: {circle}"
            raise InvalidQuery(why, column, "change a filter of this circle", setting="filters")
        filters = self.context.filters or {}
        if name not in filters:
            raise _unknown("filter", name, filters, column, setting="filters")
        try:
            parser = _Parser(filters[name], self.context, (*self._within, name), self._links)
            tests = parser.whole()
        except InvalidQuery as error:
            if self._within:
                raise
            raise InvalidQuery(f"in the filter {name}: {error}", column, error.hint, setting="filters") from error
        self.scopes |= parser.scopes
        self.depends_on |= parser.depends_on
        self.intervals += parser.intervals
        self.tags += parser.tags
        return tests

    def _special(self, key: str, value: str, column: int) -> Test:
        if key == "is":
            return _each(self._states(value, column))
        if key == "list":
            self._check_list(value, column)
            wanted = name_key(self.context.list) == name_key(value)
            return lambda _: wanted
        if key == "text":
            return _containing(value)
        if value not in _COMPARED:
            attribute = self._attribute(value)
            if attribute is None:
                known = [*_COMPARED, *self._attributes().values()]
                raise _unknown("field", value, known, column, f"write {key}: and the name of a field")
            return _having(_value_of(attribute), has=key == "has")
        if value == "done":
            self.scopes.add("done")
        if value == "wait" and key == "has":
            self.scopes.add("open")
        return _having(_value_in(_COMPARED[value]), has=key == "has")

    def _check_list(self, name: str, column: int) -> None:
        """Raise `InvalidQuery` if there is no list with a name."""
        names = self.context.lists() if self.context.lists is not None else [name]
        if name_key(name) not in map(name_key, names):
            raise _unknown("list", name, names, column)

    def _states(self, state: str, column: int) -> tuple[Test, ...]:
        context = self.context
        if state in _SCOPES:
            self.scopes.add(state)
        if state in ("blocked", "blocking", "ready"):
            self.depends_on.add("links")
        if state in ("overdue", "waiting"):
            self.depends_on.add("time")
        match state:
            case "open":
                return (_is_open,)
            case "done":
                return (_is_done,)
            case "removed":
                return (_is_removed,)
            case "any":
                return ()
            case "overdue":
                now, to_local = context.now, context.to_local
                return (_is_open, lambda item: is_overdue(item.todo, now, to_local))
            case "today":
                self.depends_on.add("day")
                today, to_local = context.to_local(context.now).date(), context.to_local
                return (
                    _is_open,
                    lambda item: item.todo.due is not None and local_day(item.todo.due, to_local) == today,
                )
            case "waiting":
                now, to_local = context.now, context.to_local
                return (_is_open, lambda item: is_waiting(item.todo, now, to_local))
            case "recurring":
                return (lambda item: item.todo.every is not None,)
            case "blocked":
                return (_is_open, lambda item: bool(item.todo.depends) and bool(self._links().blockers(item)))
            case "blocking":
                return (lambda item: self._links().blocks(item),)
            case "ready":
                return (_is_open, lambda item: not (item.todo.depends and self._links().blockers(item)))
        raise _unknown("state", state, STATES, column)

    def _of_field(self, key: str, value: str, column: int) -> Test:
        """Return the test of a value of a field, by the kind of the field, or of a time of the past."""
        name = _COMPARED[key]
        if value in ("none", "any"):
            return _having(_value_in(name), has=value == "any")
        if key in _PAST:
            return self._dated(key, _value_in(name), "past", value, column)
        field = _FIELDS[key]
        match field.kind:
            case "day or instant" | "instant":
                return self._dated(key, _value_in(name), "future", value, column)
            case "choice":
                chosen = {word.lower(): words[0] for words in field.choices for word in words}
                if value.lower() not in chosen:
                    raise _unknown("value", value, [words[0] for words in field.choices], column)
                wanted = chosen[value.lower()]
                return lambda item: getattr(item.todo, name) == wanted
            case "words" if field is TAGS:
                return self._tagged(value)
            case "words":
                wanted = nfc(value)
                return lambda item: any(nfc(each) == wanted for each in getattr(item.todo, name))
            case "todo" | "todos":
                return self._linked(field, value, column)
            case "recurrence":
                return self._recurring(name, value, column)
            case "word":
                exact = value.startswith("=")
                whole = nfc(value.removeprefix("="))
                above = "" if exact else f"{whole}."
                return lambda item: (
                    (found := getattr(item.todo, name)) is not None
                    and ((found := nfc(found)) == whole or (not exact and found.startswith(above)))
                )
            case "attributes":
                part = searchable(value)
                return lambda item: any(part in searchable(text) for _, text in getattr(item.todo, name))
            case _:
                part = searchable(value)
                return lambda item: part in searchable(getattr(item.todo, name) or "")

    # attributes

    def _attributes(self) -> Mapping[str, str]:
        """Return the names of the attributes that are declared, or that todos have, by their names in lower case."""
        if self._known is None:
            declared = self.context.attributes or {}
            present = attributes_of(self.context.items)
            self._known = {name.lower(): name for name in (*present, *declared)}
        return self._known

    def _attribute(self, key: str) -> str | None:
        """Return the name of an attribute, in which case makes no difference; None if there is none."""
        return self._attributes().get(nfc(key).lower())

    def _valued(self, name: str, value: str, column: int) -> Test:
        """Return the test of a value of an attribute, by the kind of the attribute."""
        get = _value_of(name)
        if value in ("none", "any"):
            return _having(get, has=value == "any")
        match (self.context.attributes or {}).get(name):
            case "date":
                return self._dated(name, get, "future", value, column)
            case "number":
                least, most = self._numbers(name, value, column)
                return lambda item: (found := number_in(get(item))) is not None and least <= found <= most
            case _:
                part = searchable(value)
                return lambda item: part in searchable(get(item) or "")

    def _numbers(self, name: str, value: str, column: int) -> tuple[float, float]:
        """Return the least and the greatest number that a value means."""
        first, dots, last = value.partition("..")
        least = number_in(first) if first or not dots else -inf
        most = least if not dots else number_in(last) if last else inf
        if least is None or most is None or not (first or last):
            raise InvalidQuery(
                f"{name}:{value} is not a number", column, f"for instance: {name}:3, {name}:2..5 or {name}:2.."
            )
        if most < least:
            raise InvalidQuery(f"{name}:{value} ends before it begins", column, f"write: {name}:{last}..{first}")
        return least, most

    def _recurring(self, name: str, value: str, column: int) -> Test:
        """Return the test whether a field of a todo is a rule."""
        from .rules import read_rule  # few queries are about it

        try:
            read_rule(value, self.context.now.date())
        except UnreadableRule as error:
            raise InvalidQuery(str(error), column, "for instance: every:month, every:2-weeks, every:after-3-days") from error

        def test(item: Item) -> bool:
            every = getattr(item.todo, name)
            return every is not None and read_rule(value, date.fromisoformat(every.anchor)) == (every.rule, every.after)

        return test

    def _linked(self, field: Declared, value: str, column: int) -> Test:
        """Return the test whether a field links a todo with another one. A todo is also under those above its parent."""
        context = self.context
        list_name, slash, label = value.rpartition("/")
        if slash:
            self._check_list(list_name, column)
        if name_key(list_name if slash else context.here or context.list) != name_key(context.list):
            return lambda _: False  # a todo is linked only with todos of its own list
        found = [item for item in context.items if label in (item.id, f"{item.number}")]
        if not found:
            raise InvalidQuery(f"there is no todo {label!r} in {context.list}", column, "write its number")
        name, id = field.name, found[0].id
        if field.kind == "todos":
            return lambda item: id in getattr(item.todo, name)
        if field is not PARENT:
            return lambda item: getattr(item.todo, name) == id
        self.depends_on.add("links")
        links = self._links()
        descendants = {item.stream for item in (*links.descendants(found[0]), *links.removed_under(found[0]))}
        return lambda item: item.stream in descendants

    # dates

    def _dated(self, key: str, get: Callable[[Item], Any], lean: Lean, value: str, column: int) -> Test:
        """Return the test whether the interval of a day or an instant lies inside that of a value."""
        self.depends_on.add("day")
        start, end = self._interval(key, value, lean, column)
        self.intervals.append((start, end))
        from .zones import end_of_day, start_of_day

        to_local = self.context.to_local
        verdicts: dict[Any, bool] = {None: False}  # there are far fewer values than todos, and to compare them is slow

        def verdict(found: Any) -> bool:
            parsed = time_in(found) if isinstance(found, str) else found
            if parsed is None:  # an attribute that an import brought may be any text
                return False
            if isinstance(parsed, datetime):
                first = last = parsed
            else:
                first, last = start_of_day(parsed, to_local), end_of_day(parsed, to_local)
            return (start is None or start <= first) and (end is None or last <= end)

        def test(item: Item) -> bool:
            found = get(item)
            if found not in verdicts:
                verdicts[found] = verdict(found)
            return verdicts[found]

        return test

    def _interval(self, key: str, value: str, lean: Lean, column: int) -> tuple[datetime | None, datetime | None]:
        """Return the first and the last instant that a value means; None for an open end."""
        first, dots, last = value.partition("..")
        if not dots:
            span = self._span(key, value, value, lean, column)
            self._refuse_more_words(key, value, value, lean)
            return span.start, span.end
        if ".." in last or not (first or last):
            raise InvalidQuery(f"{key}:{value} is not a range", column, f"for instance: {key}:monday..friday")
        start = self._span(key, value, first, lean, column).start if first else None
        if not last:
            self._refuse_more_words(key, value, first, lean)
            return start, None
        at = column + len(first) + 2
        end = self._span(key, value, last, lean, at).end
        if start is not None and end < start and _is_weekday(last):
            end = self._span(key, value, last, "future", at, start).end
        if start is not None and end < start:
            raise InvalidQuery(f"{key}:{value} ends before it begins", column, f"write: {key}:{last}..{first}")
        self._refuse_more_words(key, value, last, lean)
        return start, end

    def _span(self, key: str, value: str, text: str, lean: Lean, column: int, now: datetime | None = None) -> Span:
        from .times import UnreadableTime, read  # few queries have dates

        context = self.context
        try:
            return read(text, now or context.now, context.to_local, lean, context.order)
        except UnreadableTime as error:
            if error.ahead is not None:  # nothing has happened then, which is no reason to refuse the question
                return error.ahead
            self._refuse_more_words(key, value, text, lean)
            raise _unreadable(key, error, column) from error

    def _refuse_more_words(self, key: str, value: str, date: str, lean: Lean) -> None:
        """Raise `InvalidQuery` if the words after a date belong to it, as in `due:friday 17:00`."""
        following = [token.text for token in self._tokens[self._place : self._place + 4]]
        if not following or following[0] in ("(", ")", "and", "or", "not") or following[0][0] in '+-"':
            return
        from .times import UnreadableTime, leading_words, read

        context = self.context
        words = [date, *following]
        count = leading_words(words, context.now, context.to_local, lean, context.order)
        if count > 1:
            column = self._tokens[self._place].column
            try:
                read(" ".join(words[:count]), context.now, context.to_local, lean, context.order)
            except UnreadableTime as error:
                if error.ahead is None:
                    raise _unreadable(key, error, column) from error
            whole = "-".join((value, *following[: count - 1]))
            raise InvalidQuery(f"{' '.join(following[: count - 1])!r} belongs to the date", column, f"write: {key}:{whole}")


def _unreadable(key: str, error: UnreadableTime, column: int) -> InvalidQuery:
    """Return the error for a value that is not a date."""
    forms = ", ".join(f"{key}:{form.replace(' ', '-')}" for form in error.forms)
    hint = f"for instance: {forms}" if forms else "see docs/dates.md"
    return InvalidQuery(f"{key}: {error}", column, hint, setting="date_order" if error.order_decides else "")


_OTHER_KEYS = ("is", "no", "has", "list", "text", "filter")


def _fields() -> dict[str, Declared]:
    """Return the fields by the names that queries know: the name, the word of the marker, and that of one word of a set."""
    found: dict[str, Declared] = {}
    for field in FIELDS:
        names = (field.name, field.marker.removesuffix(":"), getattr(field, "item", ""))
        found |= {name: field for name in names if name.isalpha()}
    del found["text"]  # this key searches more than the field
    return found


_FIELDS = _fields()
_OTHER_MARKERS = {marker.removesuffix(":"): field.name for field in FIELDS for marker in field.other_markers}
"""The names of fields by the words of their other markers, such as `after` of `every`."""
_COMPARED = {name: field.name for name, field in _FIELDS.items()} | _PAST
"""The values of `Todo` that queries compare, by the keys."""
KEYS = frozenset((*_OTHER_KEYS, *_COMPARED, *_OTHER_MARKERS))
"""The words that mean something before a colon. No attribute can be named so."""


def _is_open(item: Item) -> bool:
    return item.todo.completed is None and not item.todo.removed


def _is_done(item: Item) -> bool:
    return item.todo.completed is not None and not item.todo.removed


def _is_removed(item: Item) -> bool:
    return item.todo.removed


def _is_there(item: Item) -> bool:
    return not item.todo.removed


def _having(get: Callable[[Item], Any], *, has: bool) -> Test:
    """Return the test whether a todo has a value, or has none."""
    return lambda item: (get(item) not in (None, ())) is has


def _value_in(name: str) -> Callable[[Item], Any]:
    """Return the function that returns one of the values of a todo."""
    return lambda item: getattr(item.todo, name)


def _value_of(attribute: str) -> Callable[[Item], str | None]:
    """Return the function that returns the value of an attribute of a todo, whose name may differ in case."""
    name = attribute.lower()

    def value(item: Item) -> str | None:
        found = {key: text for key, text in item.todo.attributes if key.lower() == name}
        return found.get(attribute) or next(iter(found.values()), None)

    return value


def _opposite(tests: Sequence[Test]) -> Test:
    test = _each(tests)
    return lambda item: not test(item)


def _each(tests: Sequence[Test]) -> Test:
    """Return the test that a todo passes if it passes each of some tests."""
    if len(tests) == 1:
        return tests[0]
    return lambda item: all(test(item) for test in tests)


def _either(tests: Sequence[Test]) -> Test:
    return lambda item: any(test(item) for test in tests)


def _containing(text: str) -> Test:
    """Return the test whether a text occurs in a todo's text, note or tags."""
    part = searchable(text)

    def test(item: Item) -> bool:
        todo = item.todo
        if part in searchable(todo.text):
            return True
        return (todo.note is not None and part in searchable(todo.note)) or any(part in searchable(tag) for tag in todo.tags)

    return test


def _is_name(text: str) -> bool:
    return text.replace("_", "").replace("-", "").isalpha()


def _is_weekday(text: str) -> bool:
    from .calendar import WEEKDAYS

    return text.lower().replace("-", " ").split(" ")[0] in WEEKDAYS


def _values(text: str) -> list[str]:
    """Split values at commas outside quotation marks, and take the marks away."""
    found, begin, place = [], 0, 0
    while place <= len(text):
        if place == len(text) or text[place] == ",":
            found.append(_unquoted(text[begin:place]))
            begin = place + 1
        elif text[place] == '"' and place == begin:
            place = text.find('"', place + 1)
        place += 1
    return found


def name_in_query(name: str) -> str | None:
    """Return how a query names a list or a filter; None for a name with quotation marks, which no query can contain."""
    if '"' in name:
        return None
    return f'"{name}"' if any(char.isspace() or char in ",()" for char in name) else name


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def _unknown(
    what: str, name: str, known: Iterable[str], column: int, advice: str = "", *, setting: Setting = ""
) -> InvalidQuery:
    """Return the error for a name that is not known, with the name that is probably meant."""
    from difflib import get_close_matches  # only for errors

    names = sorted(known)
    near = get_close_matches(name.lower(), names, 1, 0.6)
    shown = [name_in_query(each) or f"{each!r}" for each in near or names]
    hints = [
        f"did you mean {shown[0]}?" if near else f"the {what}s are {', '.join(shown)}" if shown else "there are none",
        advice,
    ]
    return InvalidQuery(f"there is no {what} {name!r}", column, "; ".join(filter(None, hints)), setting=setting)
