"""What a repair keeps, what it calls unproven, and what it gives up as lost."""

import hashlib
import random
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cqrs_todo.cqrs.errors import DamagedLog, ReadOnlyLog, StoreUnavailable
from cqrs_todo.cqrs.events import LOST, REPAIRED
from cqrs_todo.cqrs.reactions import Reaction, Runner
from cqrs_todo.cqrs.store import Append, Log, Store
from cqrs_todo.cqrs.stores.format import InvalidLine
from cqrs_todo.cqrs.stores.jsonl import repair as repair_module
from cqrs_todo.cqrs.testing.examples import AT, Counted, metadata, one
from cqrs_todo.cqrs.verification import Repair

ADDS = 6


@pytest.fixture
def log(store: Store) -> Log:
    """Six commits of one event, each on a stream of its own, as six `todo add` write them."""
    log = store.create("inbox", AT)
    for number in range(1, ADDS + 1):
        log.append([Append(f"a/{number}", (Counted(number, f"number {number}"),))], metadata(f"c{number}"))
    return log


@pytest.fixture
def edits(store: Store) -> Log:
    """Twelve commits of one to three events on three streams."""
    log = store.create("inbox", AT)
    for number in range(12):
        log.append(
            [Append(f"a/{each}", (Counted(number, "ü" * each),)) for each in range(1 + number % 3)], metadata(f"c{number}")
        )
    return log


@pytest.fixture(params=["head record", "no head record"])
def head(request: pytest.FixtureRequest, path: Path) -> Callable[[], None]:
    """Called before a repair: leaves the head record, or removes it."""
    return lambda: None if request.param == "head record" else path.with_suffix(".lock").unlink()


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().split(b"\n")[:-1]


def body(line: bytes) -> bytes:
    return line[: line.rindex(b',"sum":"')]


def repaired(store: Store, path: Path) -> Repair:
    """Repair, and hold what is true of every repair."""
    damaged = path.read_bytes()
    planned = store.repair("inbox", dry_run=True)
    assert planned is not None
    assert path.read_bytes() == damaged, "a dry run changes nothing"
    done = store.repair("inbox")
    assert done is not None
    assert done.steps == planned.steps
    assert Path(done.kept).read_bytes() == damaged
    assert store.verify("inbox").damage is None
    after = path.read_bytes()
    assert store.repair("inbox") is None
    assert path.read_bytes() == after
    return done


def record(path: Path) -> Any:
    """What the repair recorded at the end of the log; empty if it had nothing to record."""
    events = msgspec.json.decode(lines_of(path)[-1]).get("events", [{}])
    return events[0]["data"] if events[0].get("type") == REPAIRED else {}


def texts(path: Path) -> list[Any]:
    """Type and text of each event, in order."""
    commits = [msgspec.json.decode(line) for line in lines_of(path)[1:]]
    return [event["data"].get("text", event["type"]) for commit in commits for event in commit["events"]]


def streams(path: Path) -> list[str]:
    """The streams in the order of their first events, which is what numbers them."""
    commits = [msgspec.json.decode(line) for line in lines_of(path)[1:]]
    return list(dict.fromkeys(event["stream"] for commit in commits for event in commit["events"]))


@pytest.mark.parametrize("altered", [[5], [2], [6], [1, 3], [2, 3, 5]])
@pytest.mark.usefixtures("log")
def test_an_altered_creation_keeps_its_place_so_that_later_ones_keep_their_numbers(
    store: Store, path: Path, altered: list[int]
) -> None:
    lines = path.read_bytes().split(b"\n")
    for number in altered:
        lines[number] = lines[number].replace(b"number", b"NUMBER")
    path.write_bytes(b"\n".join(lines))
    done = repaired(store, path)
    assert streams(path)[:ADDS] == [f"a/{number}" for number in range(1, ADDS + 1)]
    assert not any("lower number" in step for step in done.steps)


@pytest.mark.usefixtures("log")
def test_a_repair_says_when_later_numbers_may_have_changed(store: Store, path: Path) -> None:
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([*lines[:3], *lines[4:]]))
    done = repaired(store, path)
    assert any(step.startswith("@3: ") and "lower number" in step for step in done.steps)


def test_an_altered_later_event_keeps_its_place_in_its_stream(store: Store, path: Path) -> None:
    log = store.create("inbox", AT)
    order = ["a/1", "a/1", "a/2", "a/1", "a/2"]
    for number, stream in enumerate(order):
        log.append([Append(stream, (Counted(number, f"number {number}"),))], metadata(f"c{number}"))
    lines = path.read_bytes().split(b"\n")
    for number in (2, 3):
        lines[number] = lines[number].replace(b"number", b"NUMBER")
    path.write_bytes(b"\n".join(lines))
    repaired(store, path)
    commits = [msgspec.json.decode(line) for line in lines_of(path)[1:]]
    found = [(event["stream"], event["version"]) for commit in commits for event in commit["events"]]
    assert found[:5] == [("a/1", 1), ("a/1", 2), ("a/2", 1), ("a/1", 3), ("a/2", 2)]


WHITE_SPACE: dict[str, Callable[[bytes], bytes]] = {
    "CRLF": lambda content: content.replace(b"\n", b"\r\n"),
    "CR": lambda content: content.replace(b"\n", b"\r"),
    "sed 's/$/\\r/' without a last line feed": lambda content: content.replace(b"\n", b"\r\n")[:-1],
    "spaces and tabs": lambda content: content.replace(b"\n", b" \t \n"),
    "spaces in front": lambda content: content.replace(b"\n{", b"\n  {"),
    "mixed ends": lambda content: re.sub(rb"(\n[^\n]*)\n", rb"\1\r\n", content),
    "CR in the middle": lambda content: content.replace(b"\n", b"\r", 3).replace(b"\r", b"\n", 2),
    "two CRs": lambda content: content.replace(b"\n", b"\r\r\n"),
    "blank lines": lambda content: b"\n\n" + content.replace(b"\n", b"\n\r\n \n"),
    "byte order mark": lambda content: b"\xef\xbb\xbf" + content,
    "byte order mark and CRLF": lambda content: b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n"),
    "NULs at the end": lambda content: content + b"\0" * 4096,
    "NULs instead of the last line feed": lambda content: content[:-1] + b"\0" * 512,
    "NULs between lines": lambda content: content.replace(b"\n", b"\n" + b"\0" * 16),
    "no line feeds at all": lambda content: content.replace(b"\n", b""),
    "another byte for each line feed": lambda content: content.replace(b"\n", b"J"),
    "UTF-16": lambda content: content.decode().encode("utf-16"),
    "UTF-16, big-endian, CRLF": lambda content: b"\xfe\xff" + content.replace(b"\n", b"\r\n").decode().encode("utf-16-be"),
    "UTF-16 without a mark": lambda content: content.decode().encode("utf-16-le"),
    "other spacing": lambda content: re.sub(rb'":(?=["\d{\[])', b'": ', content),
    "one member a line": lambda content: content.replace(b',"', b',\n  "'),
}


@pytest.mark.usefixtures("edits")
@pytest.mark.parametrize("name", WHITE_SPACE)
def test_a_log_whose_white_space_was_altered_becomes_what_it_was(
    store: Store, path: Path, name: str, head: Callable[[], None]
) -> None:
    content = path.read_bytes()
    path.write_bytes(WHITE_SPACE[name](content))
    head()
    done = repaired(store, path)
    assert path.read_bytes() == content
    assert done.steps


@pytest.mark.usefixtures("log")
def test_two_forged_lines_in_a_row_are_lost(store: Store, path: Path, head: Callable[[], None]) -> None:
    lines = lines_of(path)
    content = path.read_bytes().replace(b"number 4", b"number 8")
    path.write_bytes(content.replace(lines[5], lines[5].replace(b"number 5", b"number 7")).replace(b"number 5", b"number 7"))
    head()
    done = repaired(store, path)
    assert texts(path) == ["number 1", "number 2", "number 3", LOST, LOST, "number 6", REPAIRED]
    assert record(path)["lost"] == [[4, 5]]
    assert any("line" in step and "contradicts" in step for step in done.steps)
    assert any("@4 to @5: lost" in step for step in done.steps)


@pytest.mark.usefixtures("edits")
@pytest.mark.parametrize("first", range(1, 13))
@pytest.mark.parametrize("count", [1, 2, 3])
def test_altered_lines_are_lost_and_all_others_stay(
    store: Store, path: Path, first: int, count: int, head: Callable[[], None]
) -> None:
    lines = lines_of(path)
    altered = range(first, min(first + count, len(lines)))
    for number in altered:
        lines[number] = lines[number].replace(b'"number":', b'"number":9')
    untouched = [body(line) for number, line in enumerate(lines) if number not in altered]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    head()
    repaired(store, path)
    bodies = [body(line) for line in lines_of(path)]
    assert [each for each in bodies if b'"by":"repair"' not in each] == untouched
    assert "unproven" not in record(path)


@pytest.mark.usefixtures("edits")
@pytest.mark.parametrize("first", range(1, 13))
@pytest.mark.parametrize("count", [1, 2, 3])
def test_deleted_lines_are_lost_and_what_follows_is_unproven(
    store: Store, path: Path, first: int, count: int, head: Callable[[], None]
) -> None:
    lines = lines_of(path)
    rest = lines[:first] + lines[first + count :]
    path.write_bytes(b"".join(line + b"\n" for line in rest))
    head()
    if store.verify("inbox").damage is None:  # the end is gone, and nothing remembers it
        assert len(lines) - first <= count
        return
    done = repaired(store, path)
    bodies = [body(line) for line in lines_of(path)]
    assert [each for each in bodies if b'"by":"repair"' not in each] == [body(line) for line in rest]
    if len(rest) > first:
        unproven = msgspec.json.decode(rest[first])
        span = [unproven["position"], unproven["position"] + len(unproven["events"]) - 1]
        assert record(path)["unproven"] == [span]
        assert any(f"@{span[0]}" in step and "kept, but not proven" in step for step in done.steps)


@pytest.mark.usefixtures("edits")
@pytest.mark.parametrize("order", ["reversed", "header last", *range(10)])
def test_lines_in_another_order_are_put_in_order(store: Store, path: Path, order: Any, head: Callable[[], None]) -> None:
    content, (first, *rest) = path.read_bytes(), lines_of(path)
    rest.reverse()
    lines = [*rest, first] if order == "header last" else [first, *rest]
    if isinstance(order, int):
        random.Random(order).shuffle(lines)
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    head()
    repaired(store, path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("seed", range(40))
def test_a_placeholder_takes_no_version_that_a_commit_has(store: Store, path: Path, seed: int) -> None:
    rng = random.Random(seed)
    log = store.create("inbox", AT)
    for number in range(14):
        streams = rng.sample(["a/1", "a/2", "a/3"], rng.randint(1, 3))
        log.append([Append(stream, (Counted(number),) * rng.randint(1, 2)) for stream in streams], metadata(f"c{number}"))
    lines = lines_of(path)
    altered = rng.sample(range(1, len(lines)), 4)
    untouched = [body(line) for number, line in enumerate(lines) if number not in altered]
    for number in altered:
        lines[number] = lines[number].replace(b'"number":', b'"number":9')
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    repaired(store, path)
    assert [body(line) for line in lines_of(path) if b'"by":"repair"' not in line] == untouched


NOTHING_LEFT = {
    "empty": b"",
    "zeros": b"\0" * 4096,
    "a line feed": b"\n",
    "text": b"this is not a log\nat all\n",
    "random": bytes(random.Random(1).randbytes(3000)),
    "an empty object": b"{}\n",
    "a byte order mark": b"\xef\xbb\xbf",
    "HTML": b"<!doctype html>\n<title>404</title>\n",
}


@pytest.mark.parametrize("name", NOTHING_LEFT)
def test_if_nothing_can_be_read_a_repair_makes_an_empty_log(
    store: Store, path: Path, log: Log, name: str, head: Callable[[], None]
) -> None:
    path.write_bytes(NOTHING_LEFT[name])
    head()
    has_record = path.with_suffix(".lock").exists()
    done = repaired(store, path)
    fresh = store.open("inbox")
    assert (fresh.id == log.id) == has_record
    assert [event.type for event in fresh.events()] == [*[LOST] * (ADDS if has_record else 0), REPAIRED]
    assert any("header" in step or "nothing can be read" in step for step in done.steps)
    assert any("@1 to @6 had been recorded" in step for step in done.steps) == has_record
    fresh.append(one("b/1", 1), metadata("after"))
    assert store.verify("inbox").damage is None


@pytest.mark.parametrize("number", range(ADDS + 1))
def test_a_log_that_is_shorter_than_the_noted_head_says_what_is_lost(
    store: Store, path: Path, log: Log, number: int
) -> None:
    lines = lines_of(path)[: number + 1]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    if number == ADDS:
        assert store.repair("inbox") is None
        return
    done = repaired(store, path)
    assert lines_of(path)[: number + 1] == lines
    assert record(path)["lost"] == [[number + 1, ADDS]]
    assert any("had been recorded" in step for step in done.steps)
    assert store.open("inbox").append(one("b/1", 1), metadata("after")).position == ADDS + 2, "no position is used twice"
    assert store.open("inbox").id == log.id


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("number", range(1, ADDS + 1))
@pytest.mark.parametrize("digits", [1, 8])
def test_a_digest_that_was_altered_is_restored(
    store: Store, path: Path, number: int, digits: int, head: Callable[[], None]
) -> None:
    content, lines = path.read_bytes(), lines_of(path)
    for place in range(-66, -66 + digits):
        digit = b"0" if lines[number][place : place + 1] != b"0" else b"1"
        lines[number] = lines[number][:place] + digit + lines[number][place + 1 :]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    head()
    repaired(store, path)
    assert path.read_bytes() == content


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("number", range(1, ADDS))
@pytest.mark.parametrize("other", [0, 3])
def test_a_digest_that_another_line_has_is_restored_where_the_next_line_proves_it(
    store: Store, path: Path, number: int, other: int
) -> None:
    content, lines = path.read_bytes(), lines_of(path)
    if number == other:
        other = 1
    lines[number] = body(lines[number]) + lines[other][-74:]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    repaired(store, path)
    assert path.read_bytes() == content


HEADERS: dict[str, Callable[[bytes], bytes]] = {
    "gone": lambda _: b"",
    "zeros": lambda line: b"\0" * len(line),
    "another name": lambda line: line.replace(b'"inbox"', b'"index"'),
    "another id": lambda line: line.replace(b'"id":"', b'"id":"f'),
    "no JSON": lambda line: line[1:],
    "another format": lambda line: line.replace(b"cqrs-log", b"cqrs-lug"),
    "cut": lambda line: line[:40],
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_is_gone_or_altered_is_made_anew(
    store: Store, path: Path, log: Log, name: str, head: Callable[[], None]
) -> None:
    first, *rest = lines_of(path)
    path.write_bytes(b"".join(line + b"\n" for line in [HEADERS[name](first), *rest]))
    head()
    has_record = path.with_suffix(".lock").exists()
    done = repaired(store, path)
    assert [body(line) for line in lines_of(path)[1:-1]] == [body(line) for line in rest]
    assert any("header" in step and "made anew" in step for step in done.steps)
    assert record(path)["header"] == "made anew"
    if has_record or name == "another name":
        assert store.open("inbox").id == log.id


@pytest.mark.usefixtures("log")
def test_a_header_that_says_a_newer_version_is_believed(store: Store, path: Path) -> None:
    """Even if its digest does not match: a newer format may compute it in another way."""
    altered = path.read_bytes().replace(b'"version":"1.0"', b'"version":"5.0"', 1)
    path.write_bytes(altered)
    with pytest.raises(ReadOnlyLog, match="made by a newer program"):
        store.repair("inbox")
    assert path.read_bytes() == altered


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    "change", [bytes, lambda c: c.replace(b"\n", b"\r\n"), lambda c: c[:-9], lambda c: b"\xef\xbb\xbf" + c]
)
def test_a_log_of_a_newer_format_is_not_touched(store: Store, path: Path, change: Callable[[bytes], bytes]) -> None:
    first, *rest = lines_of(path)
    newer = body(first).replace(b'"version":"1.0"', b'"version":"2.0","more":1')
    newer += b',"sum":"' + hashlib.sha256(newer).hexdigest().encode() + b'"}'
    content = change(b"".join(line + b"\n" for line in [newer, *rest]))
    path.write_bytes(content)
    for dry_run in (True, False):
        with pytest.raises(ReadOnlyLog, match=r"format 2\.0"):
            store.repair("inbox", dry_run=dry_run)
    assert path.read_bytes() == content
    assert sorted(file.name for file in path.parent.iterdir()) == ["inbox.jsonl", "inbox.lock"]


@pytest.mark.usefixtures("log")
def test_a_result_that_does_not_verify_replaces_nothing(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = lines_of(path)
    path.write_bytes(b"".join(line + b"\n" for line in lines[:3] + lines[4:]))
    before = {file: file.read_bytes() for file in path.parent.iterdir()}

    def chain_wrongly(_: bytes, document: bytes) -> bytes:
        return document[:-1] + b',"sum":"' + b"0" * 64 + b'"}\n'

    monkeypatch.setattr(repair_module, "chain_line", chain_wrongly)
    for dry_run in (True, False):
        with pytest.raises(DamagedLog, match="nothing was changed"):
            store.repair("inbox", dry_run=dry_run)
    assert {file: file.read_bytes() for file in path.parent.iterdir()} == before


@pytest.mark.usefixtures("log")
def test_if_the_reactions_cannot_be_set_back_nothing_is_repaired(store: Store, path: Path) -> None:
    lines = lines_of(path)
    lines[3] = lines[3].replace(b"number 3", b"number 9")
    path.write_bytes(b"\n".join(lines) + b"\n")
    reactions = path.parent.parent / "reactions"
    reactions.write_text("no folder")
    damaged = path.read_bytes()
    with pytest.raises(StoreUnavailable, match="the log was not changed"):
        store.repair("inbox")
    assert path.read_bytes() == damaged
    reactions.unlink()
    assert store.repair("inbox") is not None


@pytest.mark.usefixtures("log")
def test_a_plan_depends_on_what_it_is_given_and_on_nothing_else(path: Path) -> None:
    damaged = path.read_bytes().replace(b"number 4", b"number 8")
    now = datetime(2026, 12, 1, tzinfo=UTC)
    first, second = (repair_module.plan(damaged, "inbox", None, now, "f" * 32) for _ in range(2))
    assert first == second
    later = repair_module.plan(damaged, "inbox", None, now + timedelta(days=1), "f" * 32)
    assert later.steps == first.steps


def test_the_end_of_a_log_is_verified_from_its_first_byte() -> None:
    for content in (b"", b"{}\n", b"\0"):
        with pytest.raises(InvalidLine):
            repair_module.verified_end(content)


@pytest.mark.usefixtures("log")
def test_commits_of_another_log_are_not_mixed_in(store: Store, path: Path) -> None:
    other = store.create("other", AT)
    for number in range(9):
        other.append(one("z/1", number), metadata(f"other {number}"))
    content = path.read_bytes()
    path.write_bytes(content + path.with_name("other.jsonl").read_bytes())
    repaired(store, path)
    assert path.read_bytes().startswith(content)
    assert "z/1" not in {event.stream for event in store.open("inbox").events()}


@pytest.mark.usefixtures("log")
def test_a_repair_that_was_stopped_before_it_noted_the_head_is_recorded_once(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = lines_of(path)
    path.write_bytes(b"".join(line + b"\n" for line in lines[:4]))
    with monkeypatch.context() as patch:
        patch.setattr(repair_module, "record_head", lambda *_: None)
        assert store.repair("inbox") is not None
    once = path.read_bytes()
    assert store.verify("inbox").damage is not None
    done = store.repair("inbox")
    assert done is not None
    assert "out of date" in done.steps[0]
    assert path.read_bytes() == once
    assert store.repair("inbox") is None


def test_after_a_repair_a_reaction_that_began_later_gets_only_what_was_not_in_the_log_then(
    store: Store, path: Path, log: Log
) -> None:
    given: list[int] = []

    def runner() -> Runner:
        return Runner(store, store.open("inbox"), Reaction("mail", lambda event: given.append(event.data.number)))

    twin = path.read_bytes()
    for number in (7, 8):
        log.append(one(f"a/{number}", number), metadata(f"c{number}"))
    assert runner().begin_now()
    log.append(one("a/9", 9), metadata("c9"))
    ours = path.read_bytes()
    (path.parent / "twin.jsonl").write_bytes(twin)
    branch = store.open("twin")
    branch.read_only = None
    branch.append(one("b/7", -7), metadata("other"))
    theirs = (path.parent / "twin.jsonl").read_bytes()
    (path.parent / "twin.jsonl").unlink()
    path.write_bytes(ours + theirs[len(twin) :])
    assert repaired(store, path).unmoved == ADDS
    runner().catch_up()
    store.open("inbox").append(one("a/10", 10), metadata("c10"))
    runner().catch_up()
    assert given == [9, 10]
