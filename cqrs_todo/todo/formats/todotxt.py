"""Todo.txt: a todo in each line, with its fields as words. http://todotxt.org/ and the keys `due`, `t`, `rec` and `pri`.

No library reads it without losing words, so this is our own code. These are the words that have a meaning here:

- `x `, `(A)` and up to two dates at the beginning of the line.
- `+project` and `@context`, which become the project and tags. A second `+project` becomes a tag, too.
- `key:value`. What has no field becomes an attribute.
- `key*:value` and `key%:value`, which only this program writes. The value is encoded as in a URL. With an asterisk it is the
  exact value of a field, such as a time of day; with a percent sign it is an attribute whose value has blanks.
- A word that would have a meaning, but is only text, begins with a backslash.

Such words at the beginning and at the end of the line are not part of the text. In the middle of a sentence they are.
"""

from __future__ import annotations

import re
from datetime import datetime

from ...cqrs.struct import Struct, replace
from ..errors import MalformedFile
from ..rules import parts_of
from ..values import PRIORITIES, Recurrence, day_or_instant
from . import Loss
from .parts import (
    KEY,
    Draft,
    clean_project,
    clean_tag,
    day_text,
    decode,
    encode,
    instant_of,
    instant_text,
    numbered,
    parse_day,
    parse_recurrence,
    placed,
    recurrence_in_words,
    recurrence_text,
    remembered,
    start,
    timeless,
    without_removed,
)

TYPE_CHECKING = False  # `typing` costs as much to import as Python costs to start
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import date
    from typing import TypeVar

    from ..fields import Todo
    from ..values import DayOrInstant
    from ..views import Item
    from . import Context, Entry, Report

    T = TypeVar("T")

LETTERS = dict(zip("ABC", PRIORITIES, strict=True))
"""The letters that are priorities here. The others are the attribute `priority`."""
PROJECTS = "projects"
"""The attribute that says which tags were projects."""
_MAYBE = "perhaps "
_LETTER_OF = {priority: letter for letter, priority in LETTERS.items()}
_HEADER = re.compile(r"(x )?(?:\(([A-Z])\) )?(?:([0-9]{4}-[0-9]{2}-[0-9]{2}) )?(?:([0-9]{4}-[0-9]{2}-[0-9]{2}) )?")
_KEYED = re.compile(rf"(?:({KEY}[*%]):(?=[^:\s])|({KEY}):(?=[^:/\s]))(.*)", re.DOTALL)  # https://… is a text
_REPEATS = re.compile(r"(\+?)([1-9][0-9]{0,2})([dwmy])")
_DATES = {"due": "due", "t": "wait"}
"""The keys of dates, and the fields that they are."""
_UNITS = {"d": "day", "w": "week", "m": "month", "y": "year"}
_FREQUENCIES = {"DAILY": "d", "WEEKLY": "w", "MONTHLY": "m", "YEARLY": "y"}


class _Word(Struct, frozen=True):
    """A word with a meaning.

    Args:
        kind: "+", "@", or the key of `key:value`.
        value: What follows.
    """

    kind: str
    value: str


def read(source: Iterable[str], context: Context, report: Report) -> Iterator[Entry]:
    """Read todo.txt.

    Args:
        source: The lines.
        context: What reading depends on.
        report: Receives what cannot be kept as it is.

    Yields:
        The entries, in their order.

    Raises:
        MalformedFile: A line is not a todo.
    """
    ids: set[str] = set()
    without_time = timeless(context)
    for number, line in enumerate(source, 1):
        if not line.strip():
            continue
        try:
            found = _read_line(line.rstrip("\r\n"), without_time)
            if found[0] is not None and "every" in found[0].guessed:  # it counts from today
                found = _read_line(line.rstrip("\r\n"), context)
        except MalformedFile as error:
            raise MalformedFile(number, error.reason) from error
        entry = placed(found, number, context, report)
        if entry is not None:
            yield _named(entry, ids)


def _named(entry: Entry, ids: set[str]) -> Entry:
    """Return an entry with its key, which is made from its line, unless the line names it."""
    named, parent = entry.key, entry.todo.parent
    if parent is not None and parent.startswith(_MAYBE):  # other programs may mean something else by `p`
        parent = parent.removeprefix(_MAYBE)
        entry = replace(entry, todo=replace(entry.todo, parent=parent if parent in ids else None))
    if not named or named in ids:
        return replace(entry, key=f"line {entry.line}")
    ids.add(named)
    return entry


@remembered(16384)
def _read_line(line: str, context: Context) -> tuple[Entry | None, Sequence[Loss]]:
    """Return the entry in a line, with the id that it names as its key, and what it cannot keep."""
    losses: list[Loss] = []
    draft = Draft(0, context, losses.append)
    done, letter, dates, rest = _header(line)
    if done:
        draft.complete(dates.pop(0).isoformat() if dates else None)
    if dates:
        draft.values["created"] = start(dates[0], context)
    text, words = _split(rest)
    kept = _take(words, "pri", lambda value: value if re.fullmatch("[A-Z]", value) and letter in (None, value) else None)
    letter = letter or kept
    if letter in LETTERS:
        draft.values["priority"] = LETTERS[letter]
    elif letter is not None:
        draft.keep("priority", letter)
    exact = _take(words, "text*", decode)
    if exact is not None and " ".join(exact.split()) == " ".join(text.split()):
        text = exact
    _read_dates(draft, words, context)
    _read_recurrence(draft, words, context)
    key = _read_links(draft, words)
    _read_others(draft, words)
    return draft.entry(key, text), losses


def _header(line: str) -> tuple[bool, str | None, list[date], str]:
    """Return whether a line is done, its letter, its dates, and the rest of the line."""
    match = _HEADER.match(line)
    if match is None:  # it matches every text
        raise AssertionError(line)
    done, letter, *texts = match.groups()
    end = match.end(2) + 2 if letter else match.end(1) if done else 0
    dates: list[date] = []
    for group, text in enumerate(texts, 3):
        day = None if text is None else parse_day(text)
        if day is None or len(dates) > bool(done):  # a todo that is open has only one date
            break
        dates.append(day)
        end = match.end(group) + 1
    return bool(done), letter, dates, line[end:]


@remembered(16384)
def _word(text: str) -> _Word | None:
    """Return what a word of a line means; None for a word that is only text."""
    if text[:1] == "+" and clean_project(text[1:]) is not None:
        return _Word("+", text[1:])
    if text[:1] == "@" and clean_tag(text[1:]) is not None:
        return _Word("@", text[1:])
    match = _KEYED.fullmatch(text)
    if match is None or (match[1] and decode(match[3]) is None):
        return None
    return _Word(match[1] or match[2], match[3])


def _split(text: str) -> tuple[str, list[_Word]]:
    """Return a text without the words with a meaning at its ends, and all words with a meaning."""
    pieces = re.split(r"([ \t]+)", text.rstrip(" \t"))
    words, blanks = pieces[::2], pieces[1::2]
    meanings = [_word(word) for word in words]
    blank = int(words[0] == "")  # the text begins with blanks
    first, last = blank, len(words)
    while last > first and meanings[last - 1] is not None:
        last -= 1
    while first < last and meanings[first] is not None:
        first += 1
    if first == last:  # without them nothing would be left
        first, last = 0, len(words)
    elif first == blank:
        first = 0
    shown = [word[1:] if word.startswith("\\") and _word(word.lstrip("\\")) is not None else word for word in words]
    middle = [shown[place] + (blanks[place] if place < last - 1 else "") for place in range(first, last)]
    return "".join(middle), [word for word in meanings if word is not None]


def _take(words: list[_Word], key: str, parse: Callable[[str], T | None]) -> T | None:
    """Remove the first word with a key whose value can be parsed, and return that value."""
    for place, word in enumerate(words):
        if word.kind == key and (value := parse(word.value)) is not None:
            del words[place]
            return value
    return None


def _read_dates(draft: Draft, words: list[_Word], context: Context) -> None:
    for key, field in _DATES.items():
        day = _take(words, key, parse_day)
        if day is None:
            continue
        value = day_or_instant(day)
        exact = _take(words, f"{key}*", instant_of)
        draft.values[field] = exact if exact is not None and day_text(exact, context) == value else value
    reminder = _take(words, "remind*", instant_of)
    if reminder is not None:
        draft.values["reminder"] = datetime.fromisoformat(reminder)


def _read_recurrence(draft: Draft, words: list[_Word], context: Context) -> None:
    every = _take(words, "every*", lambda value: parse_recurrence(decode(value) or ""))
    if every is None:
        due = draft.values.get("due")
        every = _take(words, "rec", lambda value: _recurrence(value, due, context))
        if every is not None and due is None:
            draft.guessed.append("every")
    if every is not None:
        draft.values["every"] = every


def _recurrence(text: str, due: DayOrInstant | None, context: Context) -> Recurrence | None:
    """Return what `rec:` means: `1m` counts from the completion, and `+1m` from the due date."""
    match = _REPEATS.fullmatch(text)
    if match is None:
        return None
    words = f"{match[2]} {_UNITS[match[3]]}"
    return recurrence_in_words(words if match[1] else f"after {words}", due, context)


def _read_links(draft: Draft, words: list[_Word]) -> str:
    """Read the names of other todos of the file, and return the name of this one; "" if it has none.

    `id` and `p` are those of topydo. They stay attributes, because other programs may mean something else by them.
    """
    named, under, depends = (_take(words, key, _numbers) for key in ("id*", "under*", "depends*"))
    values = {word.kind: word.value for word in reversed(words) if word.kind in ("id", "p")}
    if under is not None:
        draft.values["parent"] = f"number {under}"
    elif "p" in values:
        draft.values["parent"] = f"{_MAYBE}id {values['p']}"
    if depends is not None:
        draft.values["depends"] = tuple(sorted({f"number {each}" for each in depends.split(",")}))
    return f"number {named}" if named is not None else f"id {values['id']}" if "id" in values else ""


def _numbers(text: str) -> str | None:
    return text if re.fullmatch("[0-9]+(,[0-9]+)*", text) else None


def _read_others(draft: Draft, words: list[_Word]) -> None:
    also: list[str] = []
    for word in words:
        match word.kind:
            case "+" if "project" not in draft.values:
                draft.project(word.value)
            case "+":
                draft.tag(word.value)
                also.append(clean_tag(word.value) or "")
                draft.lose("a second project", "a tag", changed=True)
            case "@":
                draft.tag(word.value)
            case "note" if "note" not in draft.values:
                draft.values["note"] = word.value
            case "note*" if "note" not in draft.values:
                draft.values["note"] = decode(word.value)
            case key:
                draft.keep(key.rstrip("*%"), (decode(word.value) if key[-1] in "*%" else word.value) or "")
    if also:
        names = sorted({*also, *draft.attributes.pop(PROJECTS, "").split()})
        draft.keep(PROJECTS, " ".join(names), quietly=True)


def write(items: Iterable[Item], context: Context, report: Report) -> Iterator[str]:
    """Write todos as todo.txt.

    Args:
        items: The todos.
        context: What the dates depend on.
        report: Receives what cannot be kept as it is.

    Yields:
        The lines, each with its line feed.
    """
    kept = without_removed(items, report, cancelled=False)
    numbers = {item.id: item.number for item in kept}
    named = {id for item in kept for id in (item.todo.parent, *item.todo.depends) if id is not None}
    for item in kept:
        yield f"{_line(item, numbers, item.id in named, context, report)}\n"


def _line(item: Item, numbers: dict[str, int], named: bool, context: Context, report: Report) -> str:
    todo, attributes = item.todo, dict(item.todo.attributes)
    letter = _LETTER_OF.get(todo.priority or "L") if todo.priority else None
    if letter is None and re.fullmatch("[D-Z]", attributes.get("priority", "")):
        letter = attributes.pop("priority")
    header = []
    if todo.completed is not None:
        header += ["x", day_text(todo.completed, context)]
    elif letter is not None:
        header.append(f"({letter})")
    header.append(day_text(todo.created, context))
    words = _words(item, attributes, context)
    if todo.completed is not None and letter is not None:
        words.append(f"pri:{letter}")
    words += _links(item, numbers, named, report)
    text, left = _text(todo.text if not re.search(r"[\r\n]", todo.text) else " ".join(todo.text.split()), words)
    line = " ".join([*header, text, *left])
    return line if _split(_header(line)[3])[0] == todo.text else f"{line} text*:{encode(todo.text)}"


def _words(item: Item, attributes: dict[str, str], context: Context) -> list[str]:
    """Return the fields of a todo as words."""
    todo = item.todo
    others = attributes.get(PROJECTS, "").split() if todo.project is not None else []
    also = [tag for tag in others if tag in todo.tags]
    if also and also == others:
        del attributes[PROJECTS]
    words = [f"+{name}" for name in ([] if todo.project is None else [todo.project, *also])]
    words += [f"@{tag}" for tag in todo.tags if tag not in also]
    for key, field in _DATES.items():
        value: DayOrInstant | None = getattr(todo, field)
        if value is not None:
            day = day_text(value, context)
            words += [f"{key}:{day}", *([] if day == value else [f"{key}*:{encode(value)}"])]
    if todo.reminder is not None:
        words.append(f"remind*:{encode(instant_text(todo.reminder))}")
    if todo.every is not None:
        words.append(_every(todo, todo.every, context))
    if todo.note is not None:
        plain = _word(f"note:{todo.note}") is not None and _is_plain(todo.note)
        words.append(f"note:{todo.note}" if plain else f"note*:{encode(todo.note)}")
    return words + [_keyed(key, value) for key, value in numbered(tuple(attributes.items()))]


def _every(todo: Todo, every: Recurrence, context: Context) -> str:
    """Return a recurrence as `rec:`, if that means the same; otherwise completely."""
    parts = parts_of(every.rule)
    unit = _FREQUENCIES.get(parts.get("FREQ", ""), "")
    short = f"{'' if every.after else '+'}{parts.get('INTERVAL', '1')}{unit}"
    if todo.due is not None and _recurrence(short, todo.due, context) == every:
        return f"rec:{short}"
    return f"every*:{encode(recurrence_text(every))}"


def _keyed(key: str, value: str) -> str:
    """Return an attribute as `key:value`; or as `key%:value`, encoded, if that would be read as something else."""
    plain = f"{key}:{value}"
    fits = _word(plain) == _Word(key, value) and _is_plain(value) and not _is_field(key, value)
    return plain if fits else f"{key}%:{encode(value)}"


def _is_plain(value: str) -> bool:
    return re.search(r"[\s:\x00-\x1f]", value) is None


def _is_field(key: str, value: str) -> bool:
    """Return whether `key:value` is the value of a field, and not an attribute."""
    match key:
        case "due" | "t":
            return parse_day(value) is not None
        case "pri":
            return re.fullmatch("[A-Z]", value) is not None
        case "rec":
            return _REPEATS.fullmatch(value) is not None
        case _:
            return key == "note"


def _links(item: Item, numbers: dict[str, int], named: bool, report: Report) -> list[str]:
    todo = item.todo
    words = [f"id*:{item.number}"] if named else []
    if todo.parent in numbers:
        words.append(f"under*:{numbers[todo.parent]}")
    depends = [numbers[id] for id in todo.depends if id in numbers]
    if depends:
        words.append(f"depends*:{','.join(map(str, sorted(depends)))}")
    lost = len(todo.depends) - len(depends) + (todo.parent is not None and todo.parent not in numbers)
    if lost:
        report(Loss(item.number, "a link to another todo", "that todo is not in the file", "lost"))
    return words


def _text(text: str, words: list[str]) -> tuple[str, list[str]]:
    """Return the text of a line, and the words that follow it.

    A word in the middle of the text that means what a field says stays as it is, and does not follow. A word that would mean
    something else gets a backslash.
    """
    left = list(words)
    pieces = re.split(r"([ \t]+)", text)
    plain = [place for place in range(0, len(pieces), 2) if pieces[place] and _word(pieces[place]) is None]
    for place in range(0, len(pieces), 2):
        word = pieces[place]
        if _word(word.lstrip("\\")) is None:
            continue
        if word in left and plain and plain[0] < place < plain[-1] and _is_next(word, left):
            left.remove(word)
        else:
            pieces[place] = f"\\{word}"
    return "".join(pieces), left


def _is_next(word: str, left: Sequence[str]) -> bool:
    """Return whether a word is the first of its kind that is left, so that reading gives it the same meaning."""
    return word.startswith("@") or next(each for each in left if _kind(each) == _kind(word)) == word


def _kind(word: str) -> str:
    return word[0] if word[0] in "+@" else word.partition(":")[0].rstrip("*%")
