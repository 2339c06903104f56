"""Each thing has one name: the names, the docstrings and the documentation do not use retired words.

docs/glossary.md has the terms. If you retire a word, add a row to `RETIRED`.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent


class Retired(NamedTuple):
    """A word that we no longer use.

    Attributes:
        pattern: A regular expression. A space in it matches any white space. For a name it has to match the complete name,
            without leading underscores.
        instead: What to write instead.
        examples: Some texts, divided by `|`, in which the pattern must find the word.
        name: Whether it is about names in the code. Otherwise it is about sentences: docstrings, comments, messages and
            documentation.
    """

    pattern: str
    instead: str
    examples: str
    name: bool = False


RETIRED = [
    # positions in a log
    Retired("Mark|Spot|Place|spots?|spot_of|(next|newest|last)_mark|mark_at", "Cursor, cursor", "Mark|Spot|spot", name=True),
    Retired("StaleMark", "StaleCursor", "StaleMark", name=True),
    Retired("`Mark`|`Place`|`Spot`|`StaleMark`", "`Cursor`, `StaleCursor`", "a `Mark` that is old"),
    Retired(r"\bspots?\b", "cursor", "the spot after a line"),
    Retired(r"\b(its|the|a) front\b(?! (of|ends?)\b)", "cursor after the last verified line", "move the front to a line"),
    Retired("pass_over|go_on", "advance", "pass_over|go_on", name=True),
    # what a fold reads
    Retired("(Event)?Outlines?|outlines?", "EventBatch, BatchEvent, event_batches", "EventOutline|outlines", name=True),
    Retired(r"\b[Oo]utlines?\b", "event batch", "the outlines of the commits"),
    # digests
    Retired("seals?|sealed|sealing|reseal(ed|s)?", "hash_chain, digest, with_digest", "seals|reseal", name=True),
    Retired("are_right", "verify_lines", "are_right", name=True),
    Retired("follows|_follow", "continues, verify", "follows|_follow", name=True),
    Retired(r"(?<![`\"])\b(re)?seal(s|ed|ing)?\b(?![`\"])", "give a digest to", "the line is sealed anew"),
    Retired(
        r"\b(its|whose|a|right) sums?\b|\bthe sums?\b(?! of\b)", "digest (its key is `sum`)", "whose sum is wrong|the sums"
    ),
    # the head record
    Retired("head_note|noted|clear_notes|moving_notes", "head_record", "noted|head_note", name=True),
    Retired(
        r"\bhead notes?\b|\bnotes? of (the|a) (log'?s? )?(head|log)\b", "head record", "the head note|the note of a head"
    ),
    Retired(r"\bnoted heads?\b|\bheads? (is|are) noted\b", "head record", "the noted head|the head is noted"),
    # snapshots
    Retired("KeptSnapshots|Taken|thinned|next_kept", "SnapshotStore, SnapshotInfo, prune", "Taken|thinned", name=True),
    Retired(r"`Taken`|`KeptSnapshots`|\bthinned\b", "SnapshotInfo, SnapshotStore, prune", "the snapshots are thinned"),
    Retired(r"\bfor good\b", "permanently", "a snapshot stays for good"),
    # repair
    Retired("mend(ed|s|_tail)?|put_right", "repair", "mend_tail|put_right", name=True),
    Retired(r"\bmend(s|ed|ing)?\b", "repair", "the next change mends it"),
    Retired(r"\bput(s|ting)? (\w+ )?right\b", "repair", "what can be put right|put it right"),
    # undo, archive
    Retired("take_back|lead_back", "undo, revert", "take_back|lead_back", name=True),
    Retired(r"\b(take|takes|took|taken|taking)( \w+){0,3} back\b", "undo, remove", "takes the last commit back|taken back"),
    Retired(r"\bput(s|ting)? away\b", "archive", "the lists that are put away"),
    Retired(r"\bbring (that|that list|lists?) back\b", "unarchive, restore", "bring that back"),
    # functions and modules
    Retired("_settled", "a name that says what it does", "_settled", name=True),
    Retired("explained", "os_errors_as_store_errors", "explained", name=True),
    Retired("signals_held", "delay_signals", "signals_held", name=True),
    Retired("form_of", "parse_fast", "form_of", name=True),
    Retired("corner", "scratch_area", "corner", name=True),
    Retired("understand", "parse", "understand", name=True),
    Retired("leads|leading|touched", "events_between, field_of", "leading|touched", name=True),
    Retired("stands|stands_in|stands_but_for_lf", "has_line, ends_at", "stands|stands_in", name=True),
    Retired(r"_tell|tell_\w+|told|say|sayings?", "report, message, rows, print", "_tell|tell_created|told", name=True),
    Retired("notices?", "warnings", "notices", name=True),
    Retired("rooms|room_of|(IM)?PURE_ROOMS|ROOMS|purerooms", "module", "ROOMS|room_of|rooms", name=True),
    Retired(r"\brooms\b|\b(pure|impure) room\b", "modules", "the pure rooms"),
    Retired(
        r"(seals|notes|kept|care|look|places|travel)\.py", "a module of docs/architecture.md", "seals.py|care.py", name=True
    ),
    # ordinary words
    Retired(r"\bcan['’]t\b", "cannot", "it can't be read"),
    Retired(r"\bcom(e|es|ing) upon\b|\bcame upon\b", "find", "what it comes upon"),
    Retired(r"\bsayings\b", "messages", "its sayings"),
    Retired(r"\bbears? the\b", "has the", "a line bears the digest"),
    Retired(r"\bwhole (last )?(lines?|commits?)\b", "complete line, complete commit", "a whole last line|whole commits"),
]
"""The words that we no longer use. A row goes only if the word gets a new meaning in docs/glossary.md."""

ORDINARY = [
    "The front ends use fields.json, and one of them is in front of the store.",
    "The sum of the cents is 12; `sum` is a key, and a checksum protects it.",
    "It leaves no room for other commits.",
    "Lines that are `sealed` in a `repaired` event got a new digest.",
    "A byte order mark, a question mark, and a marker such as project:home.",
    "The program takes a snapshot, and goes back to an earlier moment.",
    "Todos have notes, and a note can be empty.",
    "The whole log is read, and a whole day is a date.",
]


class Word(NamedTuple):
    """A name or a text, with the file and the line in which it begins."""

    file: str
    line: int
    text: str


def in_python(file: Path, *, messages: bool) -> Iterator[tuple[bool, Word]]:
    """Yield the names and the sentences of a Python file; the names come with True.

    Args:
        file: The file.
        messages: Whether the strings that contain a space count as sentences, and not only docstrings and comments.
    """
    where = str(file.relative_to(ROOT))
    yield True, Word(where, 1, file.name)
    source = file.read_text(encoding="utf-8")
    tree = ast.parse(source)
    docstrings = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield True, Word(where, node.lineno, name)
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.keyword(arg=str(name)):
                yield True, Word(where, node.lineno, name)
            case ast.ImportFrom(names=aliases) | ast.Import(names=aliases):
                yield from ((True, Word(where, node.lineno, alias.asname or alias.name)) for alias in aliases)
            case ast.Expr(value=ast.Constant(value=str(text))):
                docstrings.add(node.value)
                yield False, Word(where, node.lineno, text)
            case ast.Constant(value=str(text)) if messages and node not in docstrings and " " in text:
                yield False, Word(where, node.lineno, text)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield False, Word(where, token.start[0], token.string)


def in_javascript(file: Path) -> Iterator[tuple[bool, Word]]:
    """Yield the names and the comments of a JavaScript file; the names come with True."""
    where = str(file.relative_to(ROOT))
    for number, line in enumerate(file.read_text(encoding="utf-8").split("\n"), 1):
        code, slashes, comment = re.sub(r"""(['"`])(?:(?!\1).)*\1""", '""', line).partition("//")
        yield from ((True, Word(where, number, name)) for name in re.findall(r"[A-Za-z_]\w*", code))
        if slashes:
            yield False, Word(where, number, comment)


def words() -> tuple[dict[str, list[Word]], dict[str, list[Word]]]:
    """Return all names, and all sentences, of the package, its page, the tests, the benchmarks and the documentation."""
    found: list[tuple[bool, Word]] = []
    for folder in ("cqrs_todo", "tests", "benchmarks", "docs"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            if file != Path(__file__):
                found += in_python(file, messages=folder == "cqrs_todo")
    for file in sorted((ROOT / "cqrs_todo/web/page").glob("*.js")):
        found += in_javascript(file)
    for page in [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        found.append((False, Word(str(page.relative_to(ROOT)), 1, page.read_text(encoding="utf-8"))))
    names: dict[str, list[Word]] = {}
    sentences: dict[str, list[Word]] = {}
    for is_name, word in found:
        (names if is_name else sentences).setdefault(word.text, []).append(word)
    return names, sentences


def matches(retired: Retired, text: str) -> Iterator[re.Match[str]]:
    """Find a retired word in a name or a text."""
    if retired.name:
        match = re.fullmatch(retired.pattern, text) or re.fullmatch(retired.pattern, text.lstrip("_"))
        return iter([match] if match else [])
    return re.finditer(retired.pattern.replace(" ", r"\s+"), text)


def test_no_retired_word_is_used() -> None:
    names, sentences = words()
    found = [
        f"{word.file}:{word.line + word.text.count(chr(10), 0, match.start())}: {match.group()!r}: use {retired.instead}"
        for retired in RETIRED
        for text, places in (names if retired.name else sentences).items()  # most names occur many times
        for match in matches(retired, text)
        for word in places
    ]
    assert not found, "\n".join(dict.fromkeys(found))


@pytest.mark.parametrize("retired", RETIRED, ids=lambda retired: retired.pattern)
def test_the_pattern_of_a_retired_word_finds_its_examples(retired: Retired) -> None:
    for example in retired.examples.split("|"):
        assert any(matches(retired, example)), f"{retired.pattern!r} does not find {example!r}"


@pytest.mark.parametrize("sentence", ORDINARY)
def test_ordinary_sentences_have_no_retired_words(sentence: str) -> None:
    assert not [retired.pattern for retired in RETIRED if not retired.name and any(matches(retired, sentence))]


def test_the_search_covers_names_docstrings_comments_and_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.test_words.ROOT", tmp_path)
    file = tmp_path / "seals.py"
    file.write_text('class Mark:\n    """A\n    spot."""\n\ndef f(told):\n    return "a message"  # mend\n')
    found = list(in_python(file, messages=True))
    assert {word.text for is_name, word in found if is_name} >= {"seals.py", "Mark", "f", "told"}
    assert [word.text for is_name, word in found if not is_name] == ["A\n    spot.", "a message", "# mend"]
