"""Lists on several machines that are changed apart and merged: what properties, trials and their controls have in common.

Nothing here is merged by code of its own: `World` commits and merges with the program, and `Oracle` says, from what was
wanted and by whom, what must come of it.
"""

import dataclasses
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cqrs_todo.cqrs.errors import Rejected
from cqrs_todo.cqrs.events import FORGOTTEN, REDOES, UNDOES, Commit, Metadata, Recorded, marked
from cqrs_todo.cqrs.fold import Fold
from cqrs_todo.cqrs.operation_errors import StreamNotFound
from cqrs_todo.cqrs.steps import in_force, redo_events, redo_steps, undo_events, undo_steps
from cqrs_todo.cqrs.stores import merging
from cqrs_todo.cqrs.stores.forgetting import forget_in_copy, forget_lines
from cqrs_todo.cqrs.stores.format import FORMAT, VERSION, Codec, Header, encode_header
from cqrs_todo.cqrs.stores.hash_chain import digest_in
from cqrs_todo.cqrs.stores.jsonl.repair import verified_end
from cqrs_todo.cqrs.struct import replace
from cqrs_todo.todo import merging as todo_merging
from cqrs_todo.todo.events import TodoRemoved, TodoRestored
from cqrs_todo.todo.fields import ATTRIBUTES, DEPENDS, DUE, EVERY, NOTE, PARENT, PRIORITY, PROJECT, TAGS, TEXT, WAIT, State
from cqrs_todo.todo.link_rules import Surroundings, consequences
from cqrs_todo.todo.model import (
    DECIDER,
    Add,
    Change,
    Complete,
    Create,
    Drop,
    Put,
    Remove,
    Reopen,
    Restore,
    TodoCommand,
    decide,
    events_between,
    evolve,
)
from cqrs_todo.todo.recorder import TYPES
from cqrs_todo.todo.values import Recurrence, day_or_instant
from cqrs_todo.todo.views import MOVE, Move, move_of

START = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
LISTS = ("inbox", "work")
DAILY = Recurrence("FREQ=DAILY", "2026-11-01", None, None, False)
Clocks = tuple[timedelta, ...]


LAWS = {
    "symmetric": "merge(a, b) is not merge(b, a)",
    "again": "merge(m, a) is not m",
    "ids": "the command ids of a merge are not those of both copies",
    "trunk": "the trunk is not the beginning of the merge",
    "hub": "a hub was rewritten",
    "forget": "forget(merge(a, b)) is not merge(forget(a), forget(b))",
    "newest": "a field is not what its newest change made it",
    "there": "a todo is missing, or one is there that nobody created",
    "links": "a link is missing, or one is there that nobody made",
    "circle": "todos are linked in a circle",
    "decided": "an event was not decided in its state",
    "removed": "a removed todo was changed",
    "undone": "a commit is in force although its newest undo or redo says otherwise",
    "times": "at decreases, with good clocks",
    "ends": "syncs do not end",
    "equal": "the copies are not equal byte for byte in the end",
    "lost": "a commit is lost",
    "one list": "a todo is in two lists",
}
"""What is wrong if a law does not hold."""


class Wrong(AssertionError):
    """A law does not hold."""

    def __init__(self, law: str, detail: object) -> None:
        super().__init__(f"{law}: {detail}")
        self.law = law


def check(holds: object, law: str, detail: object = "") -> None:
    """Raise `Wrong` unless one of the `LAWS` holds."""
    if not holds:
        raise Wrong(LAWS[law], detail)


@dataclass
class Copy:
    """A list on a machine: its lines, and what follows from them."""

    lines: list[bytes]
    held: int = 0
    """How many commits are known to be on the hub."""
    held_digest: bytes = b""
    commits: list[Commit] = dataclasses.field(default_factory=list)
    fold: Fold[State] = dataclasses.field(default_factory=lambda: Fold(DECIDER))
    read: int = 1

    def catch_up(self) -> "Copy":
        codec = Codec(TYPES)
        for line in self.lines[self.read :]:
            (decoded,) = codec.decode_lines(line)
            commit = codec.commit(decoded, digest_in(line[:-1]) or b"")
            self.commits.append(commit)
            self.fold.apply(commit)
        self.read = len(self.lines)
        return self

    def replace(self, lines: Sequence[bytes]) -> None:
        if list(lines[: len(self.lines)]) != self.lines:
            self.commits, self.fold, self.read = [], Fold(DECIDER), 1
        self.lines = list(lines)
        self.catch_up()

    @property
    def id(self) -> str:
        return self.lines[0].split(b'"id":"')[1].split(b'"')[0].decode()

    @property
    def ids(self) -> set[str]:
        return {commit.metadata.command for commit in self.commits}

    @property
    def backward(self) -> Iterator[Commit]:
        return reversed(self.commits)

    @property
    def forgotten(self) -> set[str]:
        return {event.stream for commit in self.commits for event in commit.events if event.type == FORGOTTEN}

    def hub_mark(self) -> int:
        """How many commits are held of the hub, if they still are."""
        return self.held if self.held and self.held < len(self.lines) and self.digest(self.held) == self.held_digest else 0

    def digest(self, count: int) -> bytes:
        return digest_in(self.lines[count][:-1]) or b""


@dataclass
class Machine:
    """A machine with its lists."""

    name: str
    wrong: timedelta
    """How far its clock is wrong."""
    lists: dict[str, Copy]


@dataclass
class Wanted:
    """What a command wanted, as it was recorded where it was given."""

    key: tuple[datetime, str]
    events: list[tuple[str, Any]]
    undoes: tuple[str, ...] = ()
    redoes: tuple[str, ...] = ()


_NAMES = {
    "TextChanged": "text",
    "NoteChanged": "note",
    "DueChanged": "due",
    "ReminderChanged": "reminder",
    "PriorityChanged": "priority",
    "ProjectChanged": "project",
    "WaitChanged": "wait",
    "RecurrenceChanged": "every",
    "ParentChanged": "parent",
}


class Oracle:
    """What must come of all that was wanted. It knows which commands a copy has, and nothing of merges."""

    def __init__(self) -> None:
        self.wanted: dict[str, dict[str, Wanted]] = {name: {} for name in LISTS}
        self.last: dict[tuple[str, str], datetime] = {}

    def stamp(self, copy: Copy, name: str, at: datetime) -> datetime:
        known = [self.wanted[name][id].key[0] for id in copy.ids]
        return max([at, *(each + timedelta(microseconds=1) for each in known)])

    def record(self, copy: Copy, name: str, commit: Commit) -> None:
        meta, command = commit.metadata, commit.metadata.command
        events = [(event.stream, event.data) for event in commit.events]
        key = self.stamp(copy, name, meta.at), command
        self.wanted[name][command] = Wanted(key, events, marked(meta, UNDOES), marked(meta, REDOES))

    def registers(self, name: str, ids: set[str], forgotten: set[str]) -> dict[str, dict[Any, tuple[Any, Any]]]:
        """For each stream and field, the greatest rank and key, and the value."""
        found: dict[str, dict[Any, tuple[Any, Any]]] = {}

        def put(stream: str, field: Any, rank: int, key: Any, value: Any) -> None:
            fields = found.setdefault(stream, {})
            if field not in fields or (rank, key) >= fields[field][0]:
                fields[field] = ((rank, key), value)

        for command in ids:
            wanted = self.wanted[name][command]
            created: set[str] = set()
            for stream, event in wanted.events:
                if stream in forgotten:
                    continue
                kind = type(event).__name__
                if kind == "TodoCreated":
                    created.add(stream)
                    put(stream, "*", 0, wanted.key, event)
                    put(stream, "removed", 1, wanted.key, False)
                    continue
                rank = 0 if stream in created else 1
                field, value = field_and_value(kind, event)
                put(stream, field, rank, wanted.key, value)
        return found

    def states(self, name: str, ids: set[str], forgotten: set[str]) -> dict[str, dict[str, Any]]:
        states = {}
        for stream, fields in self.registers(name, ids, forgotten).items():
            creation = fields.get("*")
            if creation is None:
                continue
            born, event = creation
            state: dict[str, Any] = {
                **dict.fromkeys((*_NAMES.values(), "completed")),
                **{each: getattr(event, each) for each in ("text", "note", "due", "reminder", "priority")},
                "removed": False,
            }
            words = {("tag", tag): True for tag in event.tags}
            for field, (key, value) in fields.items():
                if field == "*" or key < born:
                    continue
                if isinstance(field, tuple):
                    words[field] = value
                else:
                    state[field] = value
            state["tags"] = tuple(sorted(word[1] for word, there in words.items() if word[0] == "tag" and there))
            state["depends"] = tuple(sorted(word[1] for word, there in words.items() if word[0] == "needs" and there))
            pairs = {word[1]: value for word, value in words.items() if word[0] == "attribute" and value is not None}
            state["attributes"] = tuple(sorted(pairs.items()))
            states[stream] = state
        return states


def field_and_value(kind: str, event: Any) -> tuple[Any, Any]:
    """The field that an event changes, and the value that it gives it."""
    match kind:
        case "TagAdded" | "TagRemoved":
            return ("tag", event.tag), kind == "TagAdded"
        case "DependencyAdded" | "DependencyRemoved":
            return ("needs", event.dependency), kind == "DependencyAdded"
        case "AttributeChanged":
            return ("attribute", event.key), event.new
        case "TodoCompleted":
            return "completed", event.completed
        case "TodoReopened":
            return "completed", None
        case "TodoRemoved" | "TodoRestored":
            return "removed", kind == "TodoRemoved"
        case _:
            return _NAMES[kind], event.new


class World:
    """Machines that share lists, some of them over a hub."""

    def __init__(self, dice: random.Random, machines: int, clocks: Clocks, *, hub: bool) -> None:
        self.dice = dice
        self.now = START
        self.oracle = Oracle()
        self.acts = dice.choice(THEMES)
        self.made = 0
        self.changed = 0
        self.merges = 0
        self.circles = 0
        headers = {
            name: encode_header(Header(FORMAT, VERSION, f"{place:032x}", name, START)) for place, name in enumerate(LISTS)
        }

        def lists() -> dict[str, Copy]:
            return {name: Copy([header]) for name, header in headers.items()}

        self.machines = [Machine(f"m{number}", clocks[number % len(clocks)], lists()) for number in range(machines)]
        self.hub = Machine("hub", timedelta(0), lists()) if hub else None

    @property
    def good_clocks(self) -> bool:
        return not any(machine.wrong for machine in self.machines)

    def everyone(self) -> list[Machine]:
        return [*self.machines, *([self.hub] if self.hub else [])]

    # changes

    def tick(self) -> None:
        self.now += timedelta(seconds=self.dice.choice((0, 1, 1, 60, 3600)))

    def change(self, machine: Machine) -> None:
        """Record a random change on a machine, unless it is refused."""
        self.tick()
        before = self.changed
        for _ in range(5):
            name = self.dice.choice(("inbox", "inbox", "work"))
            try:
                self.dice.choice(self.acts)(self, machine, name)
            except Rejected:
                continue
            if self.changed > before:
                return

    def at(self, machine: Machine) -> datetime:
        return self.now + machine.wrong

    def commit(
        self,
        machine: Machine,
        name: str,
        changes: Mapping[str, Sequence[Any]],
        meta: Mapping[str, Any] | None = None,
        command: str = "",
    ) -> None:
        """Record a commit on a machine, as the program does."""
        copy = machine.lists[name]
        changes = {stream: events for stream, events in changes.items() if events and stream not in copy.forgotten}
        if not changes:
            return
        if not command:
            self.made += 1
            command = f"{self.dice.getrandbits(32):08x}-{machine.name}-{self.made}"
        metadata = Metadata(self.at(machine), machine.name, command, dict(meta or {}))
        position = copy.fold.position
        events: list[Recorded] = []
        versions: dict[str, int] = {}
        for stream, new in changes.items():
            for event in new:
                position += 1
                versions[stream] = versions.get(stream, copy.fold.version_of(stream)) + 1
                number = len(events) + 1
                events.append(Recorded(position, stream, versions[stream], TYPES.name_of(event), event, metadata, number))
        line, recorded = Codec(TYPES).encode(Commit(tuple(events), metadata), copy.digest(-1))
        self.oracle.record(copy, name, recorded)
        copy.lines.append(line)
        copy.catch_up()
        self.changed += 1

    def give(self, machine: Machine, name: str, stream: str, *commands: TodoCommand) -> None:
        """Give commands to a todo, with all that follows from them."""
        fold = machine.lists[name].fold
        entity = fold.get(stream)
        state, events = None if entity is None else entity.state, []
        for command in commands:
            for event in decide(command, state):
                events.append(event)
                state = evolve(state, event)
        self.record(machine, name, {stream: events})

    def record(self, machine: Machine, name: str, changes: dict[str, list[Any]]) -> None:
        copy = machine.lists[name]
        around = Surroundings(
            self.at(machine),
            lambda _: lambda instant: instant.astimezone(UTC),
            lambda: copy.backward,
            lambda streams: {},  # noqa: ARG005  # no todo was moved
            copy.forgotten,
        )
        more = consequences(copy.fold, changes, around)
        if more.refused:
            raise Rejected("refused")
        self.commit(machine, name, {**changes, **more.changes})

    # merges

    def sync(self, one: Machine, other: Machine, *, takes: tuple[bool, bool] = (True, True), law: bool = True) -> None:
        """Merge all lists of two machines. Each of them may fail to write the result."""
        if all(one.lists[name].lines == other.lists[name].lines for name in LISTS) and self.hub not in (one, other):
            return
        merged: dict[str, merging.MergedLines] = {}
        for name in LISTS:
            mine, yours = one.lists[name], other.lists[name]
            result = self.merged(mine, yours, one, other)
            if law:
                self.check_laws(mine, yours, result, one, other)
            merged[name] = result
            self.circles += sum(conflict.winner is None for conflict in result.conflicts)
            self.merges += result.base < min(len(mine.lines), len(yours.lines)) - 1
        settled = self.settled(merged)
        for machine, takes_it in ((one, takes[0]), (other, takes[1])):
            if takes_it or machine is self.hub:
                for name in LISTS:
                    self.take(machine.lists[name], settled[name], one, other)

    def settled(self, merged: Mapping[str, merging.MergedLines]) -> dict[str, Sequence[bytes]]:
        """The lists after todos that came to be in several of them were removed from all but one."""
        copies = {name: Copy(list(each.lines)) for name, each in merged.items()}
        lists = {name: each.commits for name, each in merged.items()}
        everything = {event.stream for commits in lists.values() for commit in commits for event in commit.events}
        added = todo_merging.settle(lists, everything)
        for name, commit in added:
            copy = copies[name]
            line, recorded = Codec(TYPES).encode(commit, copy.digest(-1))
            stamp = datetime.fromisoformat(commit.metadata.meta["stamp"])
            self.oracle.wanted[name][commit.metadata.command] = Wanted(
                (stamp, commit.metadata.command), [(event.stream, event.data) for event in recorded.events]
            )
            copy.lines.append(line)
        return {name: copy.lines for name, copy in copies.items()}

    def merged(self, mine: Copy, yours: Copy, one: Machine, other: Machine) -> merging.MergedLines:
        hub = 0 if one is self.hub else 1 if other is self.hub else None
        held = (mine.hub_mark(), yours.hub_mark())
        return merging.merge_lines(mine.lines, yours.lines, TYPES, todo_merging.RULES, held=held, hub=hub)

    def take(self, copy: Copy, lines: Sequence[bytes], one: Machine, other: Machine) -> None:
        before = copy.lines
        copy.replace(lines)
        if self.hub in (one, other):
            copy.held, copy.held_digest = len(copy.lines) - 1, copy.digest(-1)
        elif before != copy.lines and not copy.hub_mark():
            for machine in (one, other):
                for each in machine.lists.values():
                    held, digest = each.held, each.held_digest
                    if each.id == copy.id and 0 < held < len(copy.lines) and copy.digest(held) == digest:
                        copy.held, copy.held_digest = held, digest

    def check_laws(self, mine: Copy, yours: Copy, result: merging.MergedLines, one: Machine, other: Machine) -> None:
        """The laws of one merge."""
        back = self.merged(yours, mine, other, one)
        check(back.lines == result.lines, "symmetric")
        merged = Copy([result.lines[0]])
        merged.replace(result.lines)
        verified_end(b"".join(result.lines))
        check(merged.ids == mine.ids | yours.ids, "ids")
        check(len(merged.ids) == len(merged.commits), "ids", "one is there twice")
        trunk = (mine, yours)[result.trunk]
        if trunk.lines[0] == result.lines[0]:
            check(list(result.lines[: len(trunk.lines)]) == trunk.lines, "trunk")
        if self.hub in (one, other):
            check(trunk is (mine if one is self.hub else yours) or not result.added, "hub")
        is_forward = result.base == min(len(mine.commits), len(yours.commits))
        if self.hub is None and not is_forward:
            for each in (mine, yours):
                again = merging.merge_lines(result.lines, each.lines, TYPES, todo_merging.RULES)
                check(again.lines == result.lines, "again")
        if not is_forward:
            self.check_forgetting(mine, yours, merged, one, other)
        self.check_copy(merged)

    def check_forgetting(self, mine: Copy, yours: Copy, merged: Copy, one: Machine, other: Machine) -> None:
        """To forget a todo in a merge is to merge copies in which it is forgotten, apart from what helped it."""
        streams = sorted({event.stream for commit in merged.commits for event in commit.events})
        if not streams or self.dice.random() > 0.3 or self.may_close(self.name_of(merged), merged):
            return  # a link of a circle is left out only as long as the others are known
        stream = self.dice.choice(streams)
        before = [Copy(list(forget_in_copy(copy.lines, [*copy.forgotten, stream])), copy.held) for copy in (mine, yours)]
        for copy, original in zip(before, (mine, yours), strict=True):
            if original.hub_mark():
                copy.held_digest = copy.digest(copy.held)
        early = self.merged(before[0], before[1], one, other)
        late = Copy(list(forget_in_copy(merged.lines, [*merged.forgotten, stream])))
        check(facts(early.lines, stream) == facts(late.lines, stream), "forget")

    def check_copy(self, copy: Copy) -> None:
        """What holds of every copy: the oracle's state, decided events, no circles, undo states, rising times."""
        name = self.name_of(copy)
        forgotten = copy.forgotten
        expected = self.oracle.states(name, copy.ids, forgotten)
        there = {entity.stream: entity.state for entity in copy.fold if entity.state is not None}
        check(there.keys() == expected.keys(), "there", there.keys() ^ expected.keys())
        for stream, todo in there.items():
            for field_name, value in expected[stream].items():
                actual = getattr(todo, field_name)
                if field_name == "depends":
                    check(set(actual) <= set(value), "links", stream)
                    check(actual == value or self.circles or self.may_close(name, copy), "links", stream)
                elif field_name == "parent":
                    # if a link is left out, the todo stays where it was before
                    check(actual in {value, None, *self.parents(name, copy, stream)}, "links", stream)
                    check(actual == value or self.circles or self.may_close(name, copy), "links", stream)
                else:
                    check(actual == value, "newest", f"{stream}, {field_name}: {value!r}, not {actual!r}")
        check(not circles(there), "circle")
        check_decided(copy)
        self.check_undone(name, copy)
        if self.good_clocks:
            times = [commit.at for commit in copy.commits]
            check(times == sorted(times), "times")

    def parents(self, name: str, copy: Copy, stream: str) -> set[str | None]:
        """All parents that a todo was ever given."""
        events = (
            event for command in copy.ids for each, event in self.oracle.wanted[name][command].events if each == stream
        )
        return {event.new for event in events if type(event).__name__ == "ParentChanged"}

    def name_of(self, copy: Copy) -> str:
        return LISTS[int(copy.id, 16)]

    def may_close(self, name: str, copy: Copy) -> bool:
        """Whether all links that were ever wanted form a circle, so that one of them may have been left out."""
        links: dict[str, set[str]] = {}
        for command in copy.ids:
            for stream, event in self.oracle.wanted[name][command].events:
                kind = type(event).__name__
                if kind == "ParentChanged" and event.new:
                    links.setdefault(stream, set()).add(f"todo/{event.new}")
                if kind == "DependencyAdded":
                    links.setdefault(stream, set()).add(f"todo/{event.dependency}")
        return has_circle(links)

    def check_undone(self, name: str, copy: Copy) -> None:
        """Each commit's undo state is set by its newest undo or redo."""
        newest: dict[str, tuple[Any, bool]] = {}
        for command in copy.ids:
            wanted = self.oracle.wanted[name][command]
            for targets, back in ((wanted.undoes, False), (wanted.redoes, True)):
                for target in targets:
                    if target not in newest or newest[target][0] < wanted.key:
                        newest[target] = (wanted.key, back)
        gone = {
            commit.metadata.command for commit in copy.commits if all(event.type == FORGOTTEN for event in commit.events)
        }
        force = {command for _, commands in in_force(copy.backward) for command in commands}
        for target, (key, back) in newest.items():
            if target not in gone and key[1] not in gone and not copy.forgotten:
                check((target in force) == back, "undone", target)

    # the end

    def sync_all(self, *, law: bool = True) -> None:
        """Sync everyone with everyone until nothing changes."""
        for _ in range(6):
            before = [copy.lines for machine in self.everyone() for copy in machine.lists.values()]
            before = [list(lines) for lines in before]
            center = self.hub or self.machines[0]
            for machine in [*self.machines, *self.machines]:
                if machine is not center:
                    self.sync(center, machine, law=law)
            if before == [copy.lines for machine in self.everyone() for copy in machine.lists.values()]:
                return
        raise Wrong(LAWS["ends"], "")

    def check_end(self) -> None:
        """After all syncs: everyone has the same bytes and everything that was ever wanted, each todo in one list."""
        for name in LISTS:
            copies = [machine.lists[name] for machine in self.everyone()]
            check(all(copy.lines == copies[0].lines for copy in copies), "equal")
            check(copies[0].ids == set(self.oracle.wanted[name]), "lost")
            self.check_copy(copies[0])
        present: dict[str, list[str]] = {}
        for name, copy in self.machines[0].lists.items():
            for entity in copy.fold:
                if entity.state is not None and not entity.state.removed:
                    present.setdefault(entity.stream, []).append(name)
        check(all(len(names) == 1 for names in present.values()), "one list", present)


def facts(lines: Sequence[bytes], forgotten: str) -> Any:
    """What lines say: the commits, what was asked for in each, and the states of the todos that are not forgotten."""
    copy = Copy([lines[0]])
    copy.replace(lines)
    commits = [
        (
            commit.metadata.command,
            commit.at,
            sorted(
                {name: value for name, value in commit.metadata.meta.items() if name not in ("extra", "from", "restores")}
            ),
            [(event.id, event.stream, event.type) for event in commit.events if event.ordinal > 0],
        )
        for commit in copy.commits
    ]
    return lines[0], commits, {each.stream: each.state for each in copy.fold if each.stream != forgotten}


def circles(todos: Mapping[str, Any]) -> bool:
    """Whether todos are linked in a circle."""
    parents = {stream: {f"todo/{todo.parent}"} for stream, todo in todos.items() if todo.parent}
    needs = {stream: {f"todo/{id}" for id in todo.depends} for stream, todo in todos.items()}
    return has_circle(parents) or has_circle(needs)


def has_circle(links: Mapping[str, set[str]]) -> bool:
    left = {start: set(ends) for start, ends in links.items()}
    while True:
        ended = {start for start, ends in left.items() if not ends & left.keys()}
        if not ended:
            return bool(left)
        for start in ended:
            del left[start]


def check_decided(copy: Copy) -> None:
    """Every event that is in force was decided in its state: it changes it, its inverse leads back, a removed todo stays."""
    states: dict[str, State] = {}
    for commit in copy.commits:
        for event in commit.events:
            if type(event.data) in _CLASSES:
                before = states.get(event.stream)
                after = states[event.stream] = evolve(before, event.data)
                check(after != before, "decided", event)
                if before is not None:
                    check(evolve(after, DECIDER.inverse(event.data)) == before, "decided", event)
                    kind = type(event.data)
                    check(not before.removed or kind in (TodoRemoved, TodoRestored), "removed", event)


_CLASSES = frozenset(DECIDER.events.values())


# acts


def live(world: World, machine: Machine, name: str) -> str:
    """A todo that is there."""
    streams = [each.stream for each in machine.lists[name].fold if each.state is not None and not each.state.removed]
    if not streams:
        raise Rejected("there is none")
    return world.dice.choice(streams)


def _state(machine: Machine, name: str, stream: str) -> Any:
    return machine.lists[name].fold[stream].state


def _create(world: World, machine: Machine, name: str) -> None:
    # sometimes two machines create a todo with the same id
    id = (
        f"s{world.dice.randrange(3)}"
        if world.dice.random() < 0.15 and world.changed > 4
        else f"t{world.dice.getrandbits(40):x}x{world.made}"
    )
    if machine.lists[name].fold.get(f"todo/{id}") is not None or f"todo/{id}" in machine.lists[name].forgotten:
        raise Rejected("it is there")
    every = world.dice.choice((None, None, DAILY))
    create = Create(
        world.dice.choice("abc"),
        world.at(machine),
        priority=world.dice.choice((None, "H")),
        tags=tuple(world.dice.sample(("x", "y"), world.dice.randrange(3))),
        project=world.dice.choice((None, "p")),
        due=None if every is None else "2026-11-01",
        every=every,
    )
    world.give(machine, name, f"todo/{id}", create)


def _edit(world: World, machine: Machine, name: str) -> None:
    stream, dice = live(world, machine, name), world.dice
    commands: list[TodoCommand] = [
        Change(TEXT, dice.choice("abcdef")),
        Change(NOTE, dice.choice((None, "n", "m"))),
        Change(PRIORITY, dice.choice((None, "H", "L"))),
        Change(DUE, dice.choice((None, "2026-12-01", "2026-12-02"))),
        Change(WAIT, dice.choice((None, "2026-12-01"))),
        Change(PROJECT, dice.choice((None, "p", "q"))),
        Change(EVERY, dice.choice((None, DAILY))),
        Put(ATTRIBUTES, dice.choice(("k", "l")), dice.choice((None, "1", "2"))),
        Add(TAGS, dice.choice("xyz")),
        Drop(TAGS, dice.choice("xyz")),
    ]
    world.give(machine, name, stream, *dice.sample(commands, dice.choice((1, 1, 1, 2))))


def _complete(world: World, machine: Machine, name: str) -> None:
    world.give(machine, name, live(world, machine, name), Complete(day_or_instant(world.at(machine)), world.at(machine)))


def _reopen(world: World, machine: Machine, name: str) -> None:
    world.give(machine, name, live(world, machine, name), Reopen())


def _remove(world: World, machine: Machine, name: str) -> None:
    world.give(machine, name, live(world, machine, name), Remove())


def _restore(world: World, machine: Machine, name: str) -> None:
    gone = [each.stream for each in machine.lists[name].fold if each.state is not None and each.state.removed]
    # the program refuses to restore a todo that was moved away
    moved = {event.stream for each in machine.lists[name].commits if move_of(each) for event in each.events}
    gone = [stream for stream in gone if stream not in moved]
    if not gone:
        raise Rejected("there is none")
    world.give(machine, name, world.dice.choice(gone), Restore())


def _link(world: World, machine: Machine, name: str) -> None:
    stream, other = live(world, machine, name), live(world, machine, name).partition("/")[2]
    commands: tuple[TodoCommand, ...] = (Change(PARENT, other), Add(DEPENDS, other))
    command = world.dice.choice(commands)
    world.give(machine, name, stream, command)


def _unlink(world: World, machine: Machine, name: str) -> None:
    stream = live(world, machine, name)
    todo = _state(machine, name, stream)
    commands: list[TodoCommand] = [
        *([Change(PARENT, None)] if todo.parent else []),
        *(Drop(DEPENDS, id) for id in todo.depends),
    ]
    if not commands:
        raise Rejected("there is none")
    world.give(machine, name, stream, world.dice.choice(commands))


def _undo(world: World, machine: Machine, name: str) -> None:
    copy = machine.lists[name]
    step = next(undo_steps(copy.backward), None)
    _step(world, machine, name, step, UNDOES, undo_events)


def _redo(world: World, machine: Machine, name: str) -> None:
    copy = machine.lists[name]
    step = next(redo_steps(copy.backward), None)
    _step(world, machine, name, step, REDOES, redo_events)


def _undo_mine(world: World, machine: Machine, name: str) -> None:
    """Undo the newest command of this machine, whatever others have changed since."""
    copy = machine.lists[name]
    mine = {commit.metadata.command for commit in copy.commits if commit.metadata.by == machine.name}
    step = next((step for step in undo_steps(copy.backward) if mine.issuperset(step)), None)
    _step(world, machine, name, step, UNDOES, undo_events)


def _step(world: World, machine: Machine, name: str, step: Any, key: str, events: Callable[..., Any]) -> None:
    copy = machine.lists[name]
    if not step or copy.forgotten:
        raise Rejected("there is none")
    commits = [commit for commit in copy.commits if commit.metadata.command in step]
    if any(move_of(commit) for commit in commits):
        raise Rejected("moves are moved back")
    known = [
        replace(commit, events=tuple(event for event in commit.events if type(event.data) in _CLASSES)) for commit in commits
    ]
    world.commit(machine, name, fitting(copy, events(DECIDER, known)), {key: list(step)})


def fitting(copy: Copy, changes: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """Leave out the events that do not change the present state, or whose old value is not the present one."""
    states = {entity.stream: entity.state for entity in copy.fold if entity.state is not None}
    found: dict[str, list[Any]] = {}
    for stream, events in changes.items():
        for event in events:
            before = states.get(stream)
            after = evolve(before, event)
            if before is None or after is None or after == before or evolve(after, DECIDER.inverse(event)) != before:
                continue
            if before.removed and not isinstance(event, (TodoRemoved, TodoRestored)):
                continue
            if circles({**states, stream: after}):
                continue
            states[stream] = after
            found.setdefault(stream, []).append(event)
    return found


def _move(world: World, machine: Machine, name: str) -> None:
    other = LISTS[1 - LISTS.index(name)]
    stream = live(world, machine, name)
    here, there = machine.lists[name], machine.lists[other]
    todo = replace(_state(machine, name, stream), parent=None, depends=())
    if stream in here.forgotten | there.forgotten:
        raise Rejected("it was forgotten")
    twin = there.fold.get(stream)
    if twin is not None and twin.state is not None and not twin.state.removed:
        raise Rejected("it is in both")
    arriving = events_between(None if twin is None else twin.state, todo)
    world.made += 1
    command = f"{world.dice.getrandbits(32):08x}-{machine.name}-{world.made}"
    meta = {MOVE: Move(here.id, name, there.id, other).meta[MOVE]}
    world.commit(machine, other, {stream: arriving}, meta, command)
    world.commit(machine, name, {stream: [TodoRemoved()]}, meta, command)


def _forget(world: World, machine: Machine, name: str) -> None:
    if world.dice.random() > 0.15:
        raise Rejected("few things are forgotten")
    stream = world.dice.choice([each.stream for each in machine.lists[name].fold] or [""])
    for copy in machine.lists.values():
        try:
            forgotten = forget_lines("", copy.lines, [stream])
        except StreamNotFound:
            continue
        held = copy.hub_mark()
        copy.replace(forgotten.lines)
        copy.held, copy.held_digest = held, copy.digest(held)


Act = Callable[[World, Machine, str], None]
ACTS: tuple[Act, ...] = (
    *(_create,) * 2,
    *(_edit,) * 8,
    *(_complete,) * 3,
    _reopen,
    *(_remove,) * 2,
    _restore,
    *(_link,) * 2,
    _unlink,
    *(_undo,) * 2,
    *(_undo_mine,) * 2,
    _redo,
    *(_move,) * 2,
    _forget,
)
THEMES: tuple[tuple[Act, ...], ...] = (
    ACTS,
    (*ACTS, *(_link,) * 40, *(_unlink,) * 5),
    (*ACTS, *(_complete,) * 20, *(_reopen,) * 8, *(_undo,) * 8, *(_remove,) * 5),
    (*ACTS, *(_move,) * 25),
    (*ACTS, *(_undo,) * 12, *(_undo_mine,) * 12, *(_redo,) * 15),
    (_create, *(_edit,) * 6),
)
"""What the acts of a history are drawn from: of everything, or more of what interferes."""

GOOD: Clocks = (timedelta(0),)
BAD: tuple[Clocks, ...] = (
    (timedelta(minutes=3), timedelta(0), timedelta(minutes=-5)),
    (timedelta(hours=9), timedelta(0), timedelta(hours=-2)),
    (timedelta(days=3650), timedelta(0), timedelta(days=-3650)),
)


def play(dice: random.Random, *, law: bool = True) -> World:
    """Play a random history of two to four machines, and check all laws. A topology and clocks are drawn, too."""
    clocks = dice.choice((GOOD, *BAD))
    topology = dice.choice(("hub", "peers", "mixed"))
    world = World(dice, dice.randint(2, 4), clocks, hub=topology != "peers")
    for _ in range(dice.randint(0, 4)):
        world.tick()
        _create(world, world.machines[0], "inbox")
    world.sync_all(law=law)
    for _ in range(dice.randint(8, 40)):
        if dice.random() < 0.75:
            world.change(dice.choice(world.machines))
            continue
        one, other = dice.sample(world.machines, 2)
        if world.hub is not None and (topology == "hub" or dice.random() < 0.5):
            world.sync(world.hub, one, takes=(True, dice.random() < 0.85), law=law)
        else:
            world.sync(one, other, takes=dice.choice(((True, True), (True, True), (True, False), (False, True))), law=law)
    world.sync_all(law=law)
    world.check_end()
    return world
