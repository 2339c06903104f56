"""Two copies of a list that were both changed: the laws in random histories, and the smallest example of each trap."""

import random
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqrs_todo.cqrs.events import MERGED, UNDOES
from cqrs_todo.cqrs.operation_errors import CannotMerge
from cqrs_todo.cqrs.replication import Conflict
from cqrs_todo.cqrs.replication.arrived import arrived_conflicts
from cqrs_todo.cqrs.steps import in_force
from cqrs_todo.cqrs.stores.format import FORMAT, VERSION, Header, encode_header
from cqrs_todo.cqrs.stores.hash_chain import chain_line, digest_in
from cqrs_todo.cqrs.stores.jsonl.merge import outcome
from cqrs_todo.cqrs.stores.merging import MergedLines, merge_lines
from cqrs_todo.todo.fields import DEPENDS, EVERY, NOTE, PARENT, PRIORITY, TAGS, TEXT, Todo
from cqrs_todo.todo.merging import RULES, lost_changes, merged_todos, settle
from cqrs_todo.todo.model import Add, Change, Complete, Create, Drop, Remove, Reopen, Restore, TodoCommand
from cqrs_todo.todo.recorder import TYPES
from cqrs_todo.todo.recurrence import next_id
from cqrs_todo.todo.values import day_or_instant
from tests.replicas import DAILY, GOOD, START, Copy, Machine, World, play


@settings(max_examples=6)
@given(st.randoms(use_true_random=False))
def test_the_laws_hold_in_random_histories(dice: random.Random) -> None:
    play(dice)


class Two:
    """Two machines, a and b, that both know the todos 1 and 2."""

    def __init__(self, *, wrong: tuple[timedelta, timedelta] = (timedelta(0), timedelta(0))) -> None:
        self.world = World(random.Random(1), 2, GOOD, hub=False)
        self.a, self.b = self.world.machines
        self.a.wrong, self.b.wrong = wrong
        for number in (1, 2):
            self.give(self.a, f"{number}", number, Create(f"todo {number}", START))
        self.world.sync(self.a, self.b)

    def give(self, machine: Machine, id: str, minute: int, *commands: TodoCommand) -> None:
        """Give commands to a todo on a machine, so many minutes after the start."""
        self.world.now = START + timedelta(minutes=minute)
        self.world.give(machine, "inbox", f"todo/{id}", *commands)

    def merge(self) -> MergedLines:
        """Merge the two lists, and check the laws. Neither machine takes the result."""
        mine, yours = self.a.lists["inbox"], self.b.lists["inbox"]
        result = self.world.merged(mine, yours, self.a, self.b)
        self.world.check_laws(mine, yours, result, self.a, self.b)
        return result

    def merged(self) -> Copy:
        copy = Copy([self.merge().lines[0]])
        copy.replace(self.merge().lines)
        return copy

    def todo(self, id: str = "1") -> Todo:
        """A todo in the merged list."""
        state = self.merged().fold[f"todo/{id}"].state
        assert state is not None
        return state


def last_types(copy: Copy, count: int) -> Sequence[str]:
    return [event.type for commit in copy.commits for event in commit.events][-count:]


def test_the_newest_change_of_a_field_is_in_force_whoever_has_more_commits() -> None:
    two = Two()
    two.give(two.a, "1", 10, Change(TEXT, "newest"))
    two.give(two.b, "1", 5, Change(TEXT, "older"))
    two.give(two.b, "2", 6, Change(NOTE, "so that b is the trunk"))
    assert two.todo().text == "newest"
    (conflict,) = two.merge().conflicts
    assert conflict.winner is not None
    assert (conflict.field, conflict.winner.event.new, conflict.loser.event.new) == ("text", "newest", "older")


def test_changes_of_different_fields_are_no_conflict() -> None:
    two = Two()
    two.give(two.a, "1", 10, Change(TEXT, "text"), Add(TAGS, "x"))
    two.give(two.b, "1", 5, Change(NOTE, "note"), Add(TAGS, "y"))
    assert (two.todo().text, two.todo().note, two.todo().tags) == ("text", "note", ("x", "y"))
    assert two.merge().conflicts == ()


def test_a_change_to_the_value_that_is_there_is_kept_and_counts_later() -> None:
    two = Two()
    two.give(two.a, "1", 5, Change(TEXT, "y"))
    two.give(two.b, "1", 9, Change(TEXT, "y"))
    two.world.sync(two.a, two.b)
    assert MERGED in last_types(two.a.lists["inbox"], 2)
    third = World(random.Random(2), 1, GOOD, hub=False).machines[0].lists["inbox"]
    base = two.a.lists["inbox"].lines[:3]
    third.replace(base)
    machine = Machine("c", timedelta(0), {"inbox": third, "work": two.b.lists["work"]})
    two.give(machine, "1", 7, Change(TEXT, "z"))
    two.b = machine
    assert two.todo().text == "y", "y was wanted at 9, and z at 7"


def test_a_clock_that_was_set_back_does_not_hide_the_last_word_of_a_machine() -> None:
    two = Two(wrong=(timedelta(microseconds=1), timedelta(0)))
    two.give(two.a, "1", 10, Change(TEXT, "y"))
    two.give(two.a, "1", 4, Change(TEXT, "last word of a"))
    two.give(two.b, "1", 7, Change(TEXT, "z"))
    assert two.todo().text == "last word of a"


def test_times_rise_and_the_original_time_is_kept() -> None:
    two = Two()
    two.give(two.a, "1", 5, Change(TEXT, "a"))
    two.give(two.a, "2", 9, Change(TEXT, "a"))
    two.give(two.b, "1", 3, Change(NOTE, "b"))
    last = two.merged().commits[-1]
    assert last.at == START + timedelta(minutes=9)
    assert last.metadata.meta == {
        "stamp": "2026-11-01T09:03:00Z",
        "made": "2026-11-01T09:03:00Z",
        "from": 3,
    }


def test_an_undo_that_was_redone_elsewhere_later_does_not_count() -> None:
    two = Two()
    two.give(two.a, "1", 3, Change(TEXT, "changed"))
    command = two.a.lists["inbox"].commits[-1].metadata.command
    two.world.sync(two.a, two.b)
    for machine, minute in ((two.a, 5), (two.b, 9)):
        two.world.now = START + timedelta(minutes=minute)
        stream = {"todo/1": [TYPES.types["todo_text_changed"]("changed", "todo 1")]}
        two.world.commit(machine, "inbox", stream, {UNDOES: [command]})
    redo = {"todo/1": [TYPES.types["todo_text_changed"]("todo 1", "changed")]}
    two.world.now = START + timedelta(minutes=10)
    two.world.commit(two.b, "inbox", redo, {"redoes": [command]})
    force = {each for _, commands in in_force(two.merged().backward) for each in commands}
    assert (two.todo().text, command in force) == ("changed", True)


def test_a_creation_does_not_reset_what_was_changed_since() -> None:
    two = Two()
    for machine in (two.a, two.b):
        two.give(machine, "1", 3, Change(TEXT, "every day"), Change(EVERY, DAILY))
    two.world.sync(two.a, two.b)
    following = next_id("1")
    two.give(two.a, "1", 10, Complete(day_or_instant(START), START + timedelta(minutes=10)))
    two.give(two.a, following, 11, Complete(day_or_instant(START), START + timedelta(minutes=11)))
    two.give(two.b, "1", 20, Complete(day_or_instant(START), START + timedelta(minutes=20)))
    assert two.todo(following).done
    assert sum(not entity.state.done for entity in two.merged().fold if entity.state and entity.state.every) == 1


def test_completing_again_brings_back_the_next_todo_that_an_undo_had_removed() -> None:
    two = Two()
    two.give(two.a, "1", 3, Change(EVERY, DAILY))
    two.world.sync(two.a, two.b)
    two.give(two.a, "1", 10, Complete(day_or_instant(START), START + timedelta(minutes=10)))
    two.give(two.a, "1", 11, Reopen())
    two.give(two.b, "1", 20, Complete(day_or_instant(START), START + timedelta(minutes=20)))
    assert (two.todo().done, two.todo(next_id("1")).removed) == (True, False)


def test_a_todo_stays_removed_and_keeps_what_was_changed_elsewhere() -> None:
    two = Two()
    two.give(two.a, "1", 5, Remove())
    two.give(two.b, "1", 9, Change(TEXT, "b wanted this"))
    assert (two.todo().removed, two.todo().text) == (True, "b wanted this")
    (conflict,) = two.merge().conflicts
    assert conflict.winner is not None
    assert (conflict.field, conflict.winner.event, conflict.loser.event.new) == ("text", RULES.remove, "b wanted this")
    two.world.sync(two.a, two.b)
    two.give(two.a, "1", 12, Restore())
    assert two.todo().text == "b wanted this"


def test_two_completions_keep_the_newer_one() -> None:
    two = Two()
    two.give(two.a, "1", 10, Complete("2026-10-30", START + timedelta(minutes=10)))
    two.give(two.b, "1", 5, Complete("2026-10-31", START + timedelta(minutes=5)))
    two.give(two.b, "2", 6, Change(NOTE, "so that b is the trunk"))
    assert two.todo().completed == "2026-10-30"
    last = two.merged().commits[-1]
    assert [(event.type, event.ordinal) for event in last.events] == [("todo_reopened", -1), ("todo_completed", 1)]


@pytest.mark.parametrize(("first", "later"), [(5, 9), (9, 5)])
def test_of_the_links_of_a_circle_the_newest_is_left_out(first: int, later: int) -> None:
    for link in (partial(Change, PARENT), partial(Add, DEPENDS)):
        two = Two()
        for machine in (two.a, two.b):
            two.give(machine, "a1", 3, Create("one", START))
            two.give(machine, "b2", 3, Create("other", START))
        two.world.sync(two.a, two.b)
        two.give(two.a, "a1", first, link("b2"))
        two.give(two.b, "b2", later, link("a1"))
        one, other = two.todo("a1"), two.todo("b2")
        assert bool(one.parent or one.depends) == (first < later)
        assert bool(other.parent or other.depends) == (later < first)
        (conflict,) = two.merge().conflicts
        assert (conflict.winner, conflict.loser.made) == (None, START + timedelta(minutes=9))
        result = two.merge()
        trunk = result.copies[result.trunk].commits
        (lost,) = lost_changes((*trunk, *result.added)).conflicts
        assert (lost.winner, lost.loser.command) == (None, conflict.loser.command)
        for machine in (two.a, two.b):
            received = merge_lines(machine.lists["inbox"].lines, result.lines, TYPES, RULES)
            (reported,) = merged_todos(outcome(received, RULES)).conflicts
            assert (reported.stream, reported.winner, reported.loser.command) == (
                conflict.stream,
                None,
                conflict.loser.command,
            )
            again = merge_lines(result.lines, result.lines, TYPES, RULES)
            assert merged_todos(outcome(again, RULES)).conflicts == ()


def test_a_tag_that_one_side_dropped_and_the_other_added_again_is_decided_by_the_newer_one() -> None:
    two = Two()
    two.give(two.a, "1", 3, Add(TAGS, "x"))
    two.world.sync(two.a, two.b)
    two.give(two.a, "1", 5, Drop(TAGS, "x"))
    two.give(two.b, "1", 4, Drop(TAGS, "x"))
    two.give(two.b, "1", 9, Add(TAGS, "x"))
    assert two.todo().tags == ("x",)


def test_of_two_moves_the_newer_one_decides_where_a_todo_is() -> None:
    world = World(random.Random(1), 1, GOOD, hub=False)
    lists = world.machines[0].lists
    names = ("inbox", "work")
    for name, minute in zip(names, (5, 9), strict=True):
        world.now = START + timedelta(minutes=minute)
        world.give(world.machines[0], name, "todo/1", Create("in both", START))
    commits = {each: lists[each].commits for each in names}
    assert settle(commits, {"todo/2"}) == []
    ((name, commit),) = settle(commits, {"todo/1"})
    assert (name, [event.type for event in commit.events]) == ("inbox", ["todo_removed"])
    assert commit.metadata.command == f"{lists['work'].commits[0].metadata.command}-1"


def test_what_loses_holds_no_old_value() -> None:
    two = Two()
    two.give(two.a, "1", 10, Change(PRIORITY, "H"))
    two.give(two.a, "1", 11, Change(TEXT, "newest"))
    two.give(two.b, "1", 5, Change(TEXT, "older"))
    assert b'"type":"merged","data":{"type":"todo_text_changed","data":{"new":"older"}}' in two.merge().lines[-1]


def test_another_log_and_unknown_events_are_refused() -> None:
    two = Two()
    mine = two.a.lists["inbox"].lines
    another = [encode_header(Header(FORMAT, VERSION, "f" * 32, "inbox", START))]
    with pytest.raises(CannotMerge, match="another log"):
        merge_lines(mine, another, TYPES, RULES)
    two.give(two.a, "1", 5, Change(TEXT, "a"))
    two.give(two.a, "1", 6, Change(TEXT, "a2"))
    strange = two.b.lists["inbox"].lines
    two.give(two.b, "1", 7, Change(TEXT, "b"))
    line = two.b.lists["inbox"].lines[-1]
    altered = line[: line.index(b',"sum"')].replace(b"todo_text_changed", b"todo_from_the_future") + b"}"
    strange = [*two.b.lists["inbox"].lines[:-1], chain_line(digest_in(two.b.lists["inbox"].lines[-2][:-1]) or b"", altered)]
    with pytest.raises(CannotMerge, match="todo_from_the_future"):
        merge_lines(two.a.lists["inbox"].lines, strange, TYPES, RULES)


def test_a_newer_copy_is_taken_as_it_is() -> None:
    two = Two()
    old = list(two.a.lists["inbox"].lines)
    two.give(two.a, "1", 5, Change(TEXT, "a"))
    merged = merge_lines(old, two.a.lists["inbox"].lines, TYPES, RULES)
    assert (list(merged.lines), merged.trunk, merged.added) == (two.a.lists["inbox"].lines, 1, ())


@pytest.mark.parametrize("seed", range(30))
def test_both_machines_see_the_same_conflicts_when_they_receive_what_was_merged(seed: int) -> None:
    dice = random.Random(seed)
    two = Two()
    minute = 2
    for machine in dice.choices((two.a, two.b), k=dice.randint(2, 12)):
        minute += 1
        todo = dice.choice("12")
        changes: list[TodoCommand] = [
            Change(TEXT, f"{seed} {minute}"),
            Change[Any](PRIORITY, dice.choice("HML")),
            Remove(),
        ]
        state = machine.lists["inbox"].fold[f"todo/{todo}"].state
        what = Restore() if state is None or state.removed else dice.choice(changes)
        two.give(machine, todo, minute, what)
    result = two.merge()
    found = {_named(conflict) for conflict in result.conflicts}
    for machine in (two.a, two.b):
        own = machine.lists["inbox"]
        base = next((place for place, line in enumerate(own.lines) if result.lines[place] != line), len(own.lines)) - 1
        known = {commit.metadata.command for commit in own.commits}
        received = {_named(each) for each in arrived_conflicts(known, result.commits, base, (), RULES)}
        assert received == found


def _named(conflict: Conflict) -> tuple[str, str, str, str]:
    """Return what can be compared of a conflict."""
    assert conflict.winner is not None
    return conflict.stream, conflict.field, conflict.winner.command, conflict.loser.command


@pytest.mark.parametrize("seed", range(12, 30))
def test_no_author_of_a_received_conflict_knew_of_the_other_change(seed: int) -> None:
    dice = random.Random(seed)
    world = World(random.Random(seed), 3, GOOD, hub=False)
    knew: dict[str, set[str]] = {}

    def commands(machine: Machine) -> set[str]:
        return {commit.metadata.command for commit in machine.lists["inbox"].catch_up().commits}

    def give(machine: Machine, id: str, command: TodoCommand) -> None:
        world.now += timedelta(minutes=1)
        before = commands(machine)
        world.give(machine, "inbox", f"todo/{id}", command)
        knew.update(dict.fromkeys(commands(machine) - before, before))

    for id in "12":
        give(world.machines[0], id, Create("todo", START))
    for machine in world.machines[1:]:
        world.sync(world.machines[0], machine)
    for step in range(25):
        if dice.random() < 0.7:
            machine = dice.choice(world.machines)
            id = dice.choice("12")
            state = machine.lists["inbox"].catch_up().fold[f"todo/{id}"].state
            changes: list[TodoCommand] = [Change(TEXT, f"text {step}"), Change(NOTE, f"note {step}"), Remove()]
            give(machine, id, Restore() if state is None or state.removed else dice.choice(changes))
            continue
        pair = dice.sample(world.machines, 2)
        old = [(machine, [*machine.lists["inbox"].lines], commands(machine)) for machine in pair]
        world.sync(*pair)
        for machine, lines, known in old:
            new = machine.lists["inbox"].catch_up()
            same = zip(lines, new.lines, strict=False)
            base = next((place for place, (mine, yours) in enumerate(same) if mine != yours), len(lines)) - 1
            for conflict in arrived_conflicts(known, new.commits, base, (), RULES):
                _, _, winner, loser = _named(conflict)
                assert winner not in knew[loser]
                assert loser not in knew[winner]
