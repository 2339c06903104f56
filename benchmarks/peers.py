"""The peers side by side: listing, adding, completing with this many todos, each tool in a home of its own."""

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.revisions import PRIORITIES

from .environments import Environments, todo_txt
from .homes import CREATED, Todo, household_todos, with_household_todos
from .measure import Failed, environment, run, turns
from .results import Section

SIZES = (100, 1_000, 10_000, 100_000)
QUICK_SIZES = (100, 1_000)
TODOMAN_LIMIT = 10_000  # from there on it takes ten seconds and more for anything
VERBS = ("ls", "add", "done")
OURS, EMPTY = "todo", "python -c pass"
_DAY = CREATED.replace("-", "")
_LETTERS = {priority: letter for letter, priority in PRIORITIES.items()}  # in todo.txt


@dataclass(frozen=True)
class Tool:
    """A tool with its data: what each of the three verbs is called, `{}` being the place for a todo's number."""

    name: str
    env: dict[str, str]
    verbs: dict[str, list[str]]
    first_always: bool = False  # completing takes a todo out of the numbering, so that the next is again the first

    def timed(self, verb: str) -> Callable[[], float]:
        """What carries out a verb, each time for another todo, and gives the seconds it took."""
        count = 0

        def measure() -> float:
            nonlocal count
            count += 1
            number = "1" if self.first_always else str(count)
            return run([word.replace("{}", number) for word in self.verbs[verb]], self.env)

        return measure


def measure(environments: Environments, *, quick: bool) -> Section:
    """Time the tools in turns at each size, then the product alone across the sizes."""
    section = Section("peers", "Beside other todo lists")
    section.notes += [note for note in environments.skipped if note.startswith("todoman")]
    sizes = QUICK_SIZES if quick else SIZES
    rounds, budget = (3, 4.0) if quick else (7, 25.0)
    with tempfile.TemporaryDirectory() as folder:
        ours = []
        for size in sizes:
            tools = _tools(section, environments, Path(folder), size)
            ours.append((size, tools[0]))
            for verb in VERBS:
                _side_by_side(section, environments, tools, verb, size, rounds, budget)
        for verb in VERBS:
            _across(section, verb, ours, rounds, budget)
    return section


def _side_by_side(
    section: Section, environments: Environments, tools: list[Tool], verb: str, size: int, rounds: int, budget: float
) -> None:
    empty = [str(environments.python), "-c", "pass"]
    measures = {tool.name: tool.timed(verb) for tool in tools}
    try:
        taken = turns({**measures, EMPTY: partial(run, empty, tools[0].env)}, rounds, budget)
    except Failed as error:
        section.note(f"{verb} with {size:,} todos is skipped: {error}")
        return
    for name, seconds in taken.items():
        if name != EMPTY:
            section.point(f"{name} {verb}", size, seconds)
        if name != OURS:
            section.figure(
                f"todo {verb} with {size:,} todos",
                "ms",
                taken[OURS] * 1000,
                key=f"peers/{verb}/{name}/{size}",
                against=name,
                base=seconds * 1000,
            )


def _across(section: Section, verb: str, ours: list[tuple[int, Tool]], rounds: int, budget: float) -> None:
    taken = turns({str(size): tool.timed("done-next" if verb == "done" else verb) for size, tool in ours}, rounds, budget)
    smallest = str(ours[0][0])
    for size, _ in ours[1:]:
        section.figure(
            f"todo {verb} with {size:,} todos",
            "ms",
            taken[str(size)] * 1000,
            key=f"own/{verb}/{size}",
            against=f"itself with {smallest}",
            base=taken[smallest] * 1000,
        )


def _tools(section: Section, environments: Environments, folder: Path, size: int) -> list[Tool]:
    """The tools that are there, ours first, each with its data."""
    todos = household_todos(size)
    tools = [_ours(environments, folder / f"todo-{size}", todos)]
    if shutil.which("task") is None:
        section.note("Taskwarrior is skipped: it is not installed")
    else:
        tools.append(_taskwarrior(folder / f"task-{size}", todos))
    command = todo_txt()
    if command is None:
        section.note("todo.txt-cli is skipped: it is not installed")
    else:
        tools.append(_todo_txt(command, folder / f"todo.txt-{size}", todos))
    if environments.todoman is not None:
        if size > TODOMAN_LIMIT:
            section.note(f"todoman is left out above {TODOMAN_LIMIT:,} todos")
        else:
            tools.append(_todoman(environments.todoman, folder / f"todoman-{size}", todos))
    for tool in tools[1:]:
        try:
            run(tool.verbs["ls"], tool.env)  # whatever it makes at the first look
        except Failed as error:
            section.note(f"{tool.name} is skipped with {size:,} todos: {error}")
            tools.remove(tool)
    return tools


def _ours(environments: Environments, path: Path, todos: list[Todo]) -> Tool:
    home = with_household_todos(path, environments.todo, todos)
    home.warm()
    todo = environments.todo
    # the second round of `done` takes todos that the first left open
    verbs = {"ls": ["ls"], "add": ["add", "x"], "done": ["done", "{}"], "done-next": ["done", "5{}"]}
    return Tool(OURS, home.env, {verb: [*todo, *words] for verb, words in verbs.items()})


def _taskwarrior(path: Path, todos: list[Todo]) -> Tool:
    path.mkdir()
    (path / ".taskrc").write_text(f"confirmation=no\ndata.location={path}/.task\n")
    tasks = [
        {
            "description": todo.text,
            "status": "pending",
            "entry": f"{_DAY}T000000Z",
            "uuid": f"00000000-0000-4000-8000-{number:012}",
            "tags": todo.tags,
            **({"priority": todo.priority} if todo.priority else {}),
        }
        for number, todo in enumerate(todos, 1)
    ]
    (path / "tasks.json").write_text(json.dumps(tasks))
    env = environment(path)
    run(["task", "import", str(path / "tasks.json")], env)
    # its numbers stay what they are until the next list
    verbs = {"ls": ["task", "list"], "add": ["task", "add", "x"], "done": ["task", "{}", "done"]}
    return Tool("Taskwarrior", env, verbs)


def _todo_txt(command: str, path: Path, todos: list[Todo]) -> Tool:
    path.mkdir()
    (path / "todo.txt").write_text("".join(map(_line, todos)))
    config = path / "config"
    names = {
        "TODO_DIR": path,
        "TODO_FILE": path / "todo.txt",
        "DONE_FILE": path / "done.txt",
        "REPORT_FILE": path / "report.txt",
    }
    config.write_text("".join(f"export {name}='{value}'\n" for name, value in names.items()))
    start = [command, "-d", str(config)]
    verbs = {"ls": [*start, "ls"], "add": [*start, "add", "x"], "done": [*start, "do", "{}"]}
    return Tool("todo.txt", environment(path), verbs, first_always=True)


def _line(todo: Todo) -> str:
    priority = f"({_LETTERS[todo.priority]}) " if todo.priority else ""
    return f"{priority}{' '.join([CREATED, todo.text, *(f'@{tag}' for tag in todo.tags)])}\n"


def _todoman(environment_of: Path, path: Path, todos: list[Todo]) -> Tool:
    (path / "lists" / "inbox").mkdir(parents=True)
    for number, todo in enumerate(todos, 1):
        fields = {"number": number, "text": todo.text, "tags": ",".join(todo.tags), "day": _DAY}
        (path / "lists" / "inbox" / f"{number}.ics").write_text(_ICS.format(priority=_ICS_PRIORITY[todo.priority], **fields))
    config = path / "config.py"
    config.write_text(f'path = "{path}/lists/*"\ndefault_list = "inbox"\ncache_path = "{path}/cache.sqlite3"\n')
    start = [str(environment_of / "bin" / "todo"), "--config", str(config)]
    verbs = {"ls": [*start, "list"], "add": [*start, "new", "x"], "done": [*start, "done", "{}"]}
    return Tool("todoman", environment(path), verbs)


_ICS_PRIORITY = {"H": 1, "M": 5, "L": 9, None: 0}
_ICS = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:bench
BEGIN:VTODO
CATEGORIES:{tags}
CREATED:{day}T000000Z
DTSTAMP:{day}T000000Z
LAST-MODIFIED:{day}T000000Z
PRIORITY:{priority}
SEQUENCE:1
STATUS:NEEDS-ACTION
SUMMARY:{text}
UID:{number}@bench
END:VTODO
END:VCALENDAR
"""
