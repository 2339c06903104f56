"""Reminders that came due: announced on a terminal, counted, acknowledged, and delivered once on each machine."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import time_machine

from cqrs_todo.cli import main
from cqrs_todo.cli.deliveries import Deliverer, Key, NotDelivered, key_of
from cqrs_todo.cli.due_reminders import is_pending
from cqrs_todo.cli.session import Options, Session
from cqrs_todo.todo.events import TodoCreated
from cqrs_todo.todo.fields import ACKNOWLEDGED, REMINDER
from cqrs_todo.todo.model import Change, Create, decide, evolve
from cqrs_todo.todo.service import TodoList
from cqrs_todo.todo.views import Item
from tests.conftest import Todo
from tests.terminals import on_terminal

from .test_react import configure, keeping, reaction, script, seen

NOW = datetime(2020, 1, 1, tzinfo=UTC)
PAST = "2020-01-01T09:00:00Z"
_ids = count(1)


def errors(todo: Todo, *args: str) -> str:
    """What a run prints on stderr, which is a terminal."""
    return on_terminal(todo, *args, redirected={"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL})


def add(todo: Todo, text: str, reminder: str = PAST, name: str = "inbox") -> None:
    """Add a todo whose reminder came due long ago, by an import."""
    todos = [{"id": f"t{next(_ids)}", "text": text, "created": "2019-01-01T00:00:00Z", "reminder": reminder}]
    todo("-L", name, "import", "-", stdin=json.dumps({"format": "cqrs-todo/1", "todos": todos}))


def test_a_run_on_a_terminal_announces_what_came_due_until_it_is_acknowledged(todo: Todo) -> None:
    add(todo, "Call\x1b[2J the bank")
    add(todo, "later", "2999-01-01T09:00:00Z")
    line = "Reminder: 1  Call\\e[2J the bank  (2020-01-01 09:00)\nTo acknowledge: todo remind 1 --ack\n"
    for args in (["ls"], [], ["tag", "2", "+x"]):
        assert errors(todo, *args).startswith(line), args
    for args in (["-q", "ls"], ["ls", "--json"], ["ls", "--at", "@1"], ["remind", "--count"]):
        assert "Reminder" not in errors(todo, *args), args
    assert todo("ls").err == ""
    assert "Acknowledged the reminder of 1: Call\\e[2J the bank" in todo("remind", "1", "--ack").out
    assert errors(todo, "ls") == ""
    assert todo("remind", "1", "--ack").err == "Acknowledged already: 1\n"
    assert todo("remind", "--json").json["reminders"][0]["text"] == "later"
    [shown, _] = todo.todos()
    assert shown["reminder"] == shown["acknowledged"] == PAST
    todo("undo")
    assert errors(todo, "ls") == line


def test_a_reminder_is_announced_and_counted_once_although_its_list_has_a_copy(todo: Todo) -> None:
    add(todo, "x")
    copy = "inbox.sync-conflict-20261122-093000-ABC"
    shutil.copy(todo.log_file(), todo.log_file(copy))
    assert "Reminder: 1  x" in errors(todo, "-L", copy, "ls")  # now the cache has the reminders of the copy, too
    line = "Reminder: 1  x  (2020-01-01 09:00)\nTo acknowledge: todo remind 1 --ack\n"
    assert errors(todo, "ls") == line
    assert errors(todo).startswith(line)
    assert todo("remind", "--count", "--all-lists").out == "1\n"
    assert len(todo("remind", "--all-lists", "--json").json["reminders"]) == 1
    delivered = todo.home / "delivered"
    configure(todo, f'[remind]\nnotify = ["sh", "-c", "echo $1 >> {delivered}", "sh", "{{text}}"]\n')
    todo("react")
    assert delivered.read_text() == "x\n"
    todo("done", "1")
    for args in (["ls"], []):
        assert "Reminder" not in errors(todo, *args)


@pytest.mark.parametrize("ending", [["done", "1"], ["rm", "1"], ["edit", "1", "reminder:none"], ["remind", "1", "tomorrow"]])
def test_a_reminder_is_announced_until_it_is_dealt_with(todo: Todo, ending: list[str]) -> None:
    add(todo, "x")
    assert "Reminder: 1  x" in errors(todo, "ls")
    todo(*ending)
    assert "Reminder" not in errors(todo, "ls", "--all")
    todo("undo")
    assert "Reminder: 1  x" in errors(todo, "ls")


def test_an_acknowledgement_is_an_event_that_other_machines_see(todo: Todo) -> None:
    add(todo, "x")
    todo("remind", "1", "--ack")
    event = todo("history", "--json", "-n", "1").json["commits"][0]["events"][0]
    assert event["type"] == "todo_reminder_acknowledged"
    assert event["data"] == {"old": None, "new": PAST}
    other = todo.twin()
    assert errors(other, "ls") == ""
    assert other("remind", "--count").out == "0\n"


def test_a_new_time_makes_an_acknowledgement_void(todo: Todo) -> None:
    add(todo, "x")
    todo("remind", "1", "--ack")
    assert todo("remind", "--json").json["reminders"] == []
    todo("remind", "1", "2999-01-01 10:00")
    assert len(todo("remind", "--json").json["reminders"]) == 1
    assert todo.todos()[0]["acknowledged"] is None
    assert len(todo.log()) == 3, "it is cleared in the same commit"


def test_an_acknowledgement_does_not_come_back_with_its_time() -> None:
    first, second = datetime(2026, 1, 1, 9, tzinfo=UTC), datetime(2026, 1, 2, 9, tzinfo=UTC)
    state = evolve(None, TodoCreated("x", first, reminder=first))
    for command in (Change(ACKNOWLEDGED, first), Change(REMINDER, second, NOW), Change(REMINDER, first, NOW)):
        for event in decide(command, state):
            state = evolve(state, event)
    assert state is not None
    assert is_pending(state)


def test_a_reminder_that_has_not_come_cannot_be_acknowledged(todo: Todo) -> None:
    todo("add", "x", "-r", "2999-01-01 09:00")
    done = todo.run("remind", "1", "--ack")
    assert done.code == 1
    assert "its reminder comes at 2999-01-01 09:00, and is removed by: todo edit 1 reminder:none" in done.err


def test_the_next_todo_of_a_series_has_a_reminder_that_is_not_acknowledged(todo: Todo) -> None:
    add(todo, "x")
    todo("edit", "1", "every:day", "due:2999-01-01")
    todo("remind", "1", "--ack")
    todo("done", "1")
    [_, following] = todo.todos()
    assert following["reminder"] is not None
    assert following["acknowledged"] is None


def test_only_a_reminder_can_be_acknowledged(todo: Todo) -> None:
    todo("add", "x")
    assert "it has no reminder" in todo.run("remind", "1", "--ack").err
    for words in (["--ack"], ["1", "tomorrow", "--ack"], ["1", "--count"], ["--count", "--ack"]):
        assert todo.run("remind", *words).code == 2


def test_reminders_of_other_lists_are_announced_if_they_were_read_since_they_changed(todo: Todo) -> None:
    assert not todo.log_file("work").exists()  # those of lists on a server are not cached
    add(todo, "here")
    add(todo, "there", name="work")
    assert "work/1" not in errors(todo, "ls")
    assert todo("remind", "--count", "-A").out == "2\n"
    assert todo("remind", "--count", "-A", "--json").json == {"format": "cqrs-todo/1", "count": 2}
    assert "Reminder: work/1  there" in errors(todo, "ls")
    assert "Reminder: 1  there" in errors(todo, "-L", "work", "ls")
    todo("-L", "work", "tag", "1", "+x")
    assert "work/1" not in errors(todo, "ls")
    assert "Reminder: work/1  there" in errors(todo)  # the board reads all lists
    assert "Reminder: work/1  there" in errors(todo, "ls")


def test_many_reminders_are_announced_in_few_lines(todo: Todo) -> None:
    todos = [{"id": f"m{n}", "text": f"todo {n}", "created": "2019-01-01T00:00:00Z", "reminder": PAST} for n in range(8)]
    todo("import", "-", stdin=json.dumps({"format": "cqrs-todo/1", "todos": todos}))
    lines = errors(todo, "ls").splitlines()
    assert len(lines) == 7
    assert lines[5] == "and 3 more: todo remind --all-lists"


def test_the_count_is_cached_and_follows_the_clock(
    set_zone: Callable[[str], None], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def counted(at: datetime) -> str:
        with time_machine.travel(at, tick=False):
            assert main(["remind", "--count"]) == 0
        return capsys.readouterr().out.strip()

    set_zone("UTC")
    begin = datetime(2026, 3, 1, 12, tzinfo=UTC)
    with time_machine.travel(begin, tick=False):
        for minutes in (1, 2, 3):
            main(["add", f"todo {minutes}", "-r", f"2026-03-01 12:0{minutes}"])
    capsys.readouterr()
    assert counted(begin) == "0"
    log = tmp_path / "cqrs-todo/lists/inbox.jsonl"
    before, times = log.read_bytes(), log.stat()
    log.write_bytes(b"\n" * len(before))  # whoever reads it finds damage
    os.utime(log, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert [counted(begin + timedelta(seconds=60 * n - 1)) for n in (1, 2, 3)] == ["0", "1", "2"]
    assert [counted(begin + timedelta(minutes=n)) for n in (1, 2, 3, 0)] == ["1", "2", "3", "0"]
    log.write_bytes(before)
    with time_machine.travel(begin + timedelta(minutes=9), tick=False):
        main(["done", "1"])
    capsys.readouterr()
    assert counted(begin + timedelta(minutes=9)) == "2"


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"size":1,"time":2,"pending":[3]}'])
def test_a_damaged_cache_changes_nothing(todo: Todo, content: bytes) -> None:
    add(todo, "x")
    assert todo.log_file().exists()  # those of lists on a server are not cached
    assert todo("remind", "--count").out == "1\n"
    [file] = (todo.home / ".cache/cqrs-todo/reminders").rglob("*.json")
    file.write_bytes(content)
    assert todo("remind", "--count").out == "1\n"


def test_forgetting_a_todo_removes_the_cached_reminders(todo: Todo) -> None:
    add(todo, "a secret text")
    assert todo.log_file().exists()  # those of lists on a server are not cached
    todo("remind", "--count")
    folder = todo.home / ".cache/cqrs-todo/reminders"
    assert any(b"a secret text" in file.read_bytes() for file in folder.rglob("*.json"))
    todo("forget", "1", "--yes")
    assert not any(b"a secret text" in file.read_bytes() for file in folder.rglob("*") if file.is_file())


# delivering


def notify(todo: Todo, *command: str) -> None:
    configure(todo, f"[remind]\nnotify = {json.dumps(command)}\n")


def delivered(todo: Todo) -> list[list[str]]:
    return [arguments for _, arguments, _ in seen(todo)]


def test_a_reminder_is_delivered_once_on_each_machine(todo: Todo) -> None:
    notify(todo, keeping(todo), "--", "{list}/{number}", "{text}")
    add(todo, "--version; reboot")
    add(todo, "there", name="work")
    add(todo, "later", "2999-01-01T09:00:00Z")
    other = todo.twin()
    assert "2 reminders" in todo("react").err
    assert "0 reminders" in todo("react").err
    assert sorted(delivered(todo)) == [["--", "inbox/1", "--version; reboot"], ["--", "work/1", "there"]]
    event = seen(todo)[0][0]
    assert (event["type"], event["time"], event["data"]["todo"]["reminder"]) == ("reminder_due", PAST, PAST)
    notify(other, keeping(other), "{text}")
    other("remind", "1", "--ack")
    assert "1 reminder" in other("react").err
    assert delivered(other) == [["there"]]


def test_a_reminder_that_cannot_be_delivered_comes_again(todo: Todo) -> None:
    notify(todo, script(todo, "bad", "#!/bin/sh\ntest -e good\n"), "{text}")
    add(todo, "x")
    result = todo.run("react")
    assert result.code == 1
    assert "the reminder of inbox/1 could not be delivered" in result.err
    (todo.home / "good").touch()
    assert "1 reminder" in todo("react").err
    assert "0 reminders" in todo("react").err


def test_without_a_way_to_deliver_the_error_says_what_to_do(todo: Todo) -> None:
    add(todo, "x")
    result = todo.run("react", env={"PATH": "/nonexistent"})
    assert result.code == 1
    assert "there is neither a terminal nor a program that shows notifications" in result.err
    assert "[remind]" in result.err


def test_the_bell_rings_on_a_terminal(todo: Todo) -> None:
    configure(todo, '[remind]\nnotify = "bell"\n')
    add(todo, "Call\x1b[2J")
    redirected = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    printed = on_terminal(todo, "react", redirected=redirected)
    assert printed == "\aReminder: inbox/1  Call\\e[2J  (2020-01-01 09:00)\n"


def test_a_follower_delivers_a_reminder_at_its_time_and_a_snoozed_one_again(todo: Todo) -> None:
    program = script(todo, "at", f"#!{sys.executable}\nimport sys, time\nopen('times', 'a').write(f'{{time.time()}}\\n')\n")
    notify(todo, program)
    todo("add", "x")
    command = [sys.executable, "-m", "cqrs_todo", "react", "--follow"]
    follower = subprocess.Popen(command, env=todo.env, cwd=todo.home, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    times = todo.home / "times"
    try:
        for number in (1, 2):
            todo("remind", "1", "in 2 seconds")
            [at] = [datetime.fromisoformat(item["reminder"]).timestamp() for item in todo.todos()]
            until = time.monotonic() + 20
            while not (times.exists() and len(times.read_text().split()) == number) and time.monotonic() < until:
                time.sleep(0.05)
            assert float(times.read_text().split()[number - 1]) >= at  # never early
    finally:
        follower.terminate()
        follower.communicate()
    assert len(times.read_text().split()) == 2


_DAEMON = "/usr/lib/notification-daemon/notification-daemon"
_NEEDED = ("notify-send", "dbus-run-session", "dbus-monitor", "dbus-send", "xvfb-run", _DAEMON)
"""What Debian's libnotify-bin, dbus, xvfb and notification-daemon bring."""
_HAS_DAEMON = (
    "dbus-send --session --print-reply --dest=org.freedesktop.DBus /org/freedesktop/DBus "
    "org.freedesktop.DBus.NameHasOwner string:org.freedesktop.Notifications"
)


@pytest.mark.skipif(not all(map(shutil.which, _NEEDED)), reason=f"not all of {', '.join(_NEEDED)} are installed")
def test_a_notification_reaches_a_real_session_bus(todo: Todo) -> None:
    add(todo, "--help <b>$(id)</b>")
    (todo.home / "session").write_text(
        f"{_DAEMON} & daemon=$!\n"
        "dbus-monitor --session \"interface='org.freedesktop.Notifications'\" > monitored & monitor=$!\n"
        "until grep -q NameAcquired monitored; do sleep 0.1; done\n"
        f"until {_HAS_DAEMON} | grep -q true; do sleep 0.1; done\n"
        f"{sys.executable} -m cqrs_todo react 2> told; echo $? >> told\n"
        "until grep -q '<b>' monitored; do sleep 0.1; done\n"
        "kill $monitor $daemon\n"
    )
    command = ["dbus-run-session", "--", "xvfb-run", "-a", "sh", "session"]
    subprocess.run(command, env=todo.env, cwd=todo.home, timeout=100, capture_output=True, check=False)
    assert (todo.home / "told").read_text() == "0 events, 1 reminder\n0\n"
    monitored = (todo.home / "monitored").read_text()
    assert 'string "--help <b>$(id)</b>"' in monitored
    assert 'string "inbox/1, 2020-01-01 09:00"' in monitored


# changes of the clocks, and clocks that are set back

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago")
"""Zones with a change of the clocks by an hour or half an hour, at midnight too."""
EACH = 50
"""How many reminders there are in each zone."""


class Killed(BaseException):
    """The process was killed between delivering and remembering."""


class Machine:
    """A follower with a clock that the test sets. It sleeps, is killed, and comes back."""

    def __init__(self, session: Session, todos: TodoList, begin: datetime, chance: random.Random) -> None:
        self.session, self.todos, self.chance = session, todos, chance
        self.now = begin
        self.delivered: list[tuple[Key, datetime]] = []
        self.kills = 0
        self.start()

    def start(self) -> None:
        self.deliverer = Deliverer(self.session, lambda: self.now, self.deliver)

    def deliver(self, _todos: TodoList, item: Item) -> None:
        self.delivered.append((key_of(item), self.now))
        if self.chance.random() < 0.2:
            self.kills += 1
            raise Killed

    def catch_up(self) -> None:
        try:
            self.deliverer.catch_up([(self.todos, self.todos.view().items)])
        except Killed:
            self.start()


@pytest.mark.parametrize("zone", ZONES)
def test_around_changes_of_the_clocks_no_reminder_is_missed_early_or_delivered_twice(
    set_zone: Callable[[str], None], zone: str
) -> None:
    set_zone(zone)
    chance = random.Random(zone)
    session = Session(Options())
    tz = ZoneInfo(zone)
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    hours = [begin + timedelta(hours=n) for n in range(24 * 365)]
    offsets = [hour.astimezone(tz).utcoffset() for hour in hours]
    changes = [hour for hour, (old, new) in zip(hours[1:], pairwise(offsets), strict=True) if old != new]
    assert len(changes) == 2
    todos = session.list
    todos.clock = lambda: begin
    # every few minutes around both changes, as a person writes them: in local time, also where that does not exist
    wall = [change.astimezone(tz).replace(tzinfo=None) for change in changes]
    local = [each + timedelta(minutes=chance.randrange(-300, 300)) for each in wall for _ in range(EACH // 2)]
    reminders = [each.replace(tzinfo=tz, fold=chance.randrange(2)).astimezone(UTC) for each in local]
    todos.add([Create(f"todo {n}", begin, reminder=at) for n, at in enumerate(reminders)])
    wanted = {key_of(item) for item in todos.view().items}
    machine = Machine(session, todos, begin, chance)
    for change in changes:
        machine.now = change - timedelta(hours=7)
        while machine.now < change + timedelta(hours=7):
            machine.now += timedelta(minutes=chance.choice([1, 1, 7, 20, 200]))  # the machine sleeps now and then
            if chance.random() < 0.1:
                machine.now -= timedelta(hours=chance.choice([1, 2]))  # its clock is set back
            if chance.random() < 0.1:
                machine.start()
            machine.catch_up()
    machine.chance = random.Random(0)
    while Counter(key for key, _ in machine.delivered).keys() < wanted:
        machine.now += timedelta(minutes=1)
        machine.catch_up()
        assert machine.now < changes[1] + timedelta(days=1)
    counts = Counter(key for key, _ in machine.delivered)
    assert counts.keys() == wanted
    assert counts.total() - len(wanted) <= machine.kills
    assert all(at >= datetime.fromisoformat(key[1]) for key, at in machine.delivered)
    assert machine.kills


def test_what_was_delivered_long_ago_is_forgotten_and_what_is_pending_is_not(
    set_zone: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cqrs_todo.cli.deliveries._MOST_LINES", 3)
    set_zone("UTC")
    session = Session(Options())
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    todos = session.list
    todos.clock = lambda: begin
    todos.add([Create(f"todo {n}", begin, reminder=begin + timedelta(minutes=n + 1)) for n in range(5)])
    seen: list[Item] = []
    now = [begin + timedelta(days=1)]
    deliverer = Deliverer(session, lambda: now[0], lambda _, item: seen.append(item))
    assert deliverer.catch_up([(todos, todos.view().items)]) == (5, [])
    now[0] = begin + timedelta(days=1000)
    todos.clock = lambda: now[0]
    later = now[0] + timedelta(minutes=1)
    todos.change(todos.select(["1", "2"]), lambda _: [Change(REMINDER, later, now[0])])
    now[0] = later
    assert deliverer.catch_up([(todos, todos.view().items)]) == (2, [])
    assert deliverer.catch_up([(todos, todos.view().items)]) == (0, [])
    lines = Path(os.environ["XDG_STATE_HOME"], "cqrs-todo/reactions/delivered").read_text().split("\n")
    assert len([line for line in lines if line]) == 5
    assert len(seen) == 7


def test_a_reminder_that_cannot_be_delivered_hinders_no_other_one(set_zone: Callable[[str], None]) -> None:
    set_zone("UTC")
    session = Session(Options())
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    todos = session.list
    todos.clock = lambda: begin
    todos.add([Create(f"todo {n}", begin, reminder=begin + timedelta(minutes=n + 1)) for n in range(3)])
    seen: list[str] = []

    def deliver(_: TodoList, item: Item) -> None:
        if item.number == 1:
            raise NotDelivered("no")
        seen.append(item.todo.text)

    deliverer = Deliverer(session, lambda: begin + timedelta(days=1), deliver)
    lists = [(todos, todos.view().items)]
    delivered, failures = deliverer.catch_up(lists)
    assert delivered == 2
    assert seen == ["todo 1", "todo 2"]
    assert [str(error) for error in failures] == ["no"]
    assert deliverer.catch_up(lists) == (0, []), "it is not tried again at once"
    assert Deliverer(session, lambda: begin + timedelta(days=1), lambda *_: None).catch_up(lists) == (1, [])


def test_a_list_that_cannot_be_read_hides_no_reminder_and_no_reaction_of_the_others(todo: Todo) -> None:
    program = keeping(todo)
    configure(
        todo, reaction("new", [program, "{text}"], on=["todo_created"]) + f"[remind]\nnotify = {json.dumps([program])}\n"
    )
    add(todo, "x", name="work")
    todo("react", "--from-start")
    add(todo, "y", name="work")
    todo("lists", "new", "damaged")
    todo.log_file("damaged").write_text("garbage")
    count = todo.run("remind", "--count", "-A")
    assert (count.out, count.code) == ("2\n", 5)
    done = todo.run("react")
    assert "1 event, 1 reminder" in done.err
    assert done.code == 5
    for option, answer in (
        ("--overview", "new  work: 0 events"),
        ("--failed", "Nothing failed"),
        ("--test", "It succeeded"),
    ):
        shown = todo.run("react", option, *["new"] * (option == "--test"))
        assert answer in shown.out + shown.err
        assert shown.code == 5


def test_no_reaction_delays_what_is_due(todo: Todo) -> None:
    slow = script(todo, "slow", "#!/bin/sh\necho start >> order\n")
    remind = script(todo, "note", "#!/bin/sh\necho remind >> order\n")
    configure(todo, reaction("slow", [slow], on=["todo_created"]) + f"[remind]\nnotify = {json.dumps([remind])}\n")
    todo("add", "y")
    add(todo, "x")
    assert "1 reminder" in todo.run("react", "--from-start").err
    assert (todo.home / "order").read_text().startswith("remind\nstart\n")
