"""A long log is verified in segments by several processes: the verdict is what one process alone would give."""

import os
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cqrs_todo.cqrs.core import Append, Metadata, Store, Verdict
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.jsonl import segments
from cqrs_todo.cqrs.stores.jsonl.lines import LogFile
from cqrs_todo.cqrs.stores.jsonl.segments import Segment
from cqrs_todo.cqrs.stores.seals import reseal, sum_in
from tests.cqrs.counter import AT, TYPES, Moved

COMMITS = 120
STREAMS = 7


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = open_store(f"jsonl:{tmp_path_factory.mktemp('store')}", TYPES)
    log = store.create("counters", AT)
    for number in range(COMMITS):
        log.append([Append(f"counter/{number % STREAMS}", (Moved(number),))], Metadata(AT, "me", f"c{number}", {}))
    return store


@pytest.fixture
def path(store: Store) -> Path:
    return Path(store.url.removeprefix("jsonl:")) / "lists/counters.jsonl"


@pytest.fixture(scope="module")
def lines(store: Store) -> list[bytes]:
    return (Path(store.url.removeprefix("jsonl:")) / "lists/counters.jsonl").read_bytes().splitlines(keepends=True)


@pytest.fixture(autouse=True)
def whole(path: Path, lines: list[bytes]) -> None:
    path.write_bytes(b"".join(lines))


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[Segment]:
    """The segments that were begun; the log counts as long, and the machine has four cores."""
    monkeypatch.setattr(segments, "SEGMENT", 1 << 11)
    monkeypatch.setattr(segments, "_AHEAD", 1 << 11)
    monkeypatch.setattr(segments, "_cores", lambda: 4)
    begun: list[Segment] = []
    original = Segment.__init__

    def begin(self: Segment, *arguments: object) -> None:
        original(self, *arguments)  # type: ignore[arg-type]  # whatever it is given
        begun.append(self)

    monkeypatch.setattr(Segment, "__init__", begin)
    return begun


def alone(store: Store) -> Verdict:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "_cores", lambda: 1)
        return store.verify("counters")


def test_a_whole_log(store: Store, lines: list[bytes], begun: list[Segment], monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[bool] = []
    original = Segment.verified

    def verified(self: Segment) -> segments.Verified | None:
        answer = original(self)
        told.append(answer is not None)
        return answer

    monkeypatch.setattr(Segment, "verified", verified)
    verdict = store.verify("counters")
    assert verdict == Verdict(COMMITS, COMMITS, (sum_in(lines[-1][:-1]) or b"").decode())
    assert told == [True] * 3
    assert all(segment._process.returncode == 0 for segment in begun)
    assert alone(store) == verdict
    assert len(begun) == 3


KINDS = ["altered", "missing", "doubled", "swapped", "resealed", "cut", "no end"]


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(KINDS), st.integers(1, COMMITS - 1))
@example("altered", COMMITS - 1)
@example("resealed", COMMITS // 2)
def test_what_is_wrong_is_found_as_by_one_process(
    store: Store, path: Path, lines: list[bytes], begun: list[Segment], kind: str, at: int
) -> None:
    content = list(lines)
    match kind:
        case "altered":
            content[at] = content[at].replace(b'"by":"me"', b'"by":"you"')
        case "missing":
            del content[at]
        case "doubled":
            content.insert(at, content[at])
        case "swapped":
            content[at], content[at + 1] = content[at + 1], content[at]
        case "resealed":  # every sum is right from here on, and a version is skipped
            content[at] = content[at].replace(b'"version":', b'"version":9')
            for number in range(at, len(content)):
                before = sum_in(content[number - 1][:-1])
                assert before is not None
                content[number] = reseal(before, content[number][:-1])
        case "cut":
            content[-1:] = [content[-1][:at]]
        case "no end":
            content[-1:] = [content[-1][:-1]]
    path.write_bytes(b"".join(content))
    begun.clear()
    verdict = store.verify("counters")
    assert verdict.damage is not None
    assert begun
    assert alone(store) == verdict


def test_versions_must_follow_from_one_segment_to_the_next(
    store: Store, path: Path, lines: list[bytes], begun: list[Segment]
) -> None:
    store.verify("counters")
    first = begun[0].start.position + 1  # the first commit of the second segment
    content = list(lines)
    stream = (first - 1) % STREAMS
    # it and all that come after it in its stream: whoever looks at the later segments alone finds nothing wrong with them
    for number in range(1, COMMITS + 1):
        if number >= first and (number - 1) % STREAMS == stream:
            version = (number - 1) // STREAMS + 1
            content[number] = content[number].replace(b'"version":%d,' % version, b'"version":%d,' % (version + 1))
        if number >= first:
            content[number] = reseal(sum_in(content[number - 1][:-1]) or b"", content[number][:-1])
    path.write_bytes(b"".join(content))
    verdict = store.verify("counters")
    assert verdict.damage is not None
    assert (verdict.damage.line, verdict.events) == (first + 1, first - 1)
    assert alone(store) == verdict


def test_a_process_that_dies_costs_time_and_nothing_else(
    store: Store, begun: list[Segment], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Segment.verified

    def verified(self: Segment) -> segments.Verified | None:
        os.kill(self._process.pid, signal.SIGKILL)
        assert original(self) is None
        return None

    expected = alone(store)
    monkeypatch.setattr(Segment, "verified", verified)
    assert store.verify("counters") == expected
    assert len(begun) == 3


def test_a_system_without_a_process_to_spare(store: Store, begun: list[Segment], monkeypatch: pytest.MonkeyPatch) -> None:
    expected = alone(store)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert store.verify("counters") == expected
    assert begun == []


@pytest.mark.parametrize("program", ["/bin/true", "/bin/false", "/bin/cat"])
def test_a_process_that_says_nothing_or_nonsense(
    store: Store, begun: list[Segment], program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = alone(store)
    monkeypatch.setattr(sys, "executable", program)
    assert store.verify("counters") == expected
    assert len(begun) == 3


def test_progress_counts_what_all_do(path: Path, begun: list[Segment]) -> None:
    told: list[tuple[int, int]] = []
    store = open_store(f"jsonl:{path.parent.parent}", TYPES)
    store.progress = lambda done, total: told.append((done, total))
    store.verify("counters")
    assert begun
    assert told == sorted(told)
    assert {total for _, total in told} == {path.stat().st_size}
    assert told[-1][0] == path.stat().st_size


def test_damage_leaves_no_process_behind(store: Store, path: Path, lines: list[bytes], begun: list[Segment]) -> None:
    path.write_bytes(b"".join([lines[0], lines[1].replace(b"me", b"you"), *lines[2:]]))
    assert store.verify("counters").damage is not None
    assert [segment._process.returncode is not None for segment in begun] == [True] * 3


def test_lines_longer_than_a_segment(tmp_path: Path, begun: list[Segment]) -> None:
    store = open_store(f"jsonl:{tmp_path}", TYPES)
    log = store.create("counters", AT)
    for number in range(6):
        log.append([Append("counter/a", (Moved(number),))], Metadata(AT, "me", f"c{number}", {"long": "x" * 20_000}))
    verdict = store.verify("counters")
    assert (verdict.events, verdict.damage) == (6, None)
    assert begun
    with LogFile(str(tmp_path / "lists/counters.jsonl"), os.O_RDONLY, "counters") as file:
        starts = [segment.start.offset for segment in begun]
        assert all(os.pread(file.fd, 1, start - 1) == b"\n" for start in starts)
