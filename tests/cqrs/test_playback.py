"""Playing a log in both directions."""

from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from cqrs_todo.cqrs.cursor import START
from cqrs_todo.cqrs.errors import StaleCursor
from cqrs_todo.cqrs.playback import Playback, earlier_commits, later_commits
from cqrs_todo.cqrs.repository import Repository
from cqrs_todo.cqrs.snapshots import SnapshotEvery
from cqrs_todo.cqrs.store import Append
from cqrs_todo.cqrs.stores.memory import MemorySnapshots
from tests.cqrs.counter import COUNTER, Moved, by, new_log
from tests.cqrs.test_timeline import histories, repositories, write
from tests.logs import fold_of


@for_all(histories.filter(bool), st.data())
def test_law_each_step_is_the_fold_of_the_commits_up_to_there(history: list[tuple[list[str], int]], data: Any) -> None:
    log = new_log()
    for streams, _ in history:
        write(log, streams)
    commits = list(log.commits())
    first = data.draw(st.integers(0, len(commits) - 1))
    last = data.draw(st.integers(first + 1, len(commits)))
    low = commits[first - 1].last if first else 0
    steps = data.draw(st.lists(st.booleans(), max_size=25))
    begin = data.draw(st.integers(first, last))
    for repository in repositories(log):
        place = begin
        playback = Playback(repository, low, commits[last - 1].last, commits[place - 1].last if place else 0)
        for forward in [None, *steps]:
            if forward is not None:
                moved = playback.forward() if forward else playback.back()
                assert moved == (place < last if forward else place > first)
                place += moved if forward else -moved
            assert playback.fold == fold_of(COUNTER, commits[:place])
            assert playback.commit == (commits[place - 1] if place > first else None)
            assert playback.previous == (commits[place - 2] if place - 1 > first else None)
            assert playback.next == (commits[place] if place < last else None)
            before, after = fold_of(COUNTER, commits[: place - 1]), fold_of(COUNTER, commits[:place])
            if place > first:
                counted = [event for event in commits[place - 1].events if event.stream.startswith("counter/")]
                transitions = playback.transitions()
                assert [transition.event for transition in transitions] == counted
                for transition in transitions:
                    earlier = before.get(transition.event.stream)
                    assert transition.before == (COUNTER.initial if earlier is None else earlier.state)
                    assert transition.after == after[transition.event.stream].state


def test_two_events_of_one_stream_in_a_commit_have_the_state_between_them() -> None:
    log = new_log()
    log.append([Append("counter/a", (Moved(2), Moved(3)))], by("c"))
    playback = Playback(Repository(log, COUNTER), 0, 2, 2)
    states = [(transition.before, transition.after) for transition in playback.transitions()]
    assert states == [(0, 2), (2, 5)]


def test_a_step_back_reads_no_more_than_it_walks_over_after_a_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    log = new_log()
    repository = Repository(log, COUNTER, snapshots=MemorySnapshots(), strategy=SnapshotEvery(10))
    for _ in range(100):
        write(log, ["counter/a"])
        repository.fold()
    begin = repository.snapshot_infos[0].position
    assert begin < 60
    read: list[int] = []
    backward, forward = log.readable_commits_backward, log.readable_commits

    def counted(commits: Any) -> Any:
        for commit in commits:
            read.append(commit.position)
            yield commit

    monkeypatch.setattr(log, "readable_commits_backward", lambda until=None: counted(backward(until)))
    monkeypatch.setattr(log, "readable_commits", lambda since=START: counted(forward(since)))
    playback = Playback(repository, 0, 100, begin)
    while playback.fold.position > begin - 5:
        assert playback.back()
    assert read[-5:] == list(range(begin, begin - 5, -1))
    assert len(read) <= 7, "those walked over, and one more at each end"


def test_a_log_that_changed_under_a_snapshot_is_read_without_the_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    log = new_log()
    repository = Repository(log, COUNTER, snapshots=MemorySnapshots(), strategy=SnapshotEvery(10))
    for _ in range(50):
        write(log, ["counter/a"])
        repository.fold()
    commits = list(log.commits())
    position = repository.snapshot_infos[0].position
    assert position < 40
    for name, read, expected in (
        ("readable_commits_backward", earlier_commits, commits[position - 1 :: -1]),
        ("readable_commits", later_commits, commits[position:]),
    ):
        original = getattr(log, name)
        stale = [True]

        def changed(cursor: Any = None, original: Any = original, stale: list[bool] = stale) -> Any:
            for number, commit in enumerate(original(cursor)):
                if stale and number == 8:
                    stale.clear()
                    raise StaleCursor("the log has changed")
                yield commit

        monkeypatch.setattr(log, name, changed)
        assert list(read(repository, position)) == expected
        assert not stale
