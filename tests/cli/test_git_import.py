"""`todo import --git`: a file's history becomes a list whose past is what the file was, revision by revision."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cqrs_todo.cqrs.events import Moment
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.todo.recorder import TYPES
from cqrs_todo.todo.service import TodoList
from tests.conftest import Todo
from tests.gits import Made, Repository
from tests.revisions import GEOMANDEL, PRIORITIES, Row, geomandel, household, row_of

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

START = datetime(2024, 4, 1, 8, tzinfo=UTC)
AUTHORS = ("Ann <ann@example.org>", "Zoë Ünal <zoe@example.org>", 'o\'Neil "x" <o@example.org>')


def row_of_json(todo: dict[str, Any]) -> Row:
    tags = [*todo["tags"], *([] if todo["project"] is None else [todo["project"]])]
    return Row(todo["text"], todo["done"], todo["priority"], tuple(sorted(tags)), todo["due"])


def row(line: str) -> Row:
    read = row_of(re.sub(r" pri:[A-C]$", "", line))
    letter = re.search(r" pri:([A-C])$", line)
    return read._replace(tags=tuple(sorted(set(read.tags))), priority=PRIORITIES[letter[1]] if letter else read.priority)


def rows(made: Made) -> Counter[Row]:
    return Counter(map(row, made.lines))


def standard(line: str) -> str:
    """A line as the format has it: the letter of a todo that is done comes last."""
    return re.sub(r"^(x \S+ )\(([A-C])\) (.*)$", r"\1\3 pri:\2", line)


def rows_at(todo: Todo, moment: str) -> Counter[Row]:
    found = todo("-L", "notes", "--at", moment, "ls", "--all", "--json").json["todos"]
    return Counter(map(row_of_json, found))


class Recorded(NamedTuple):
    """A history, and the home into which it was imported."""

    repository: Repository
    revisions: list[Made]
    todo: Todo
    commits: list[Any]


def build(folder: Path) -> Repository:
    """A todo.txt with a history of everything that people do with git."""
    repository = Repository(folder)
    at = START
    for number, revision in enumerate(household()):  # 40 revisions: edits of similar lines, duplicates, reordering
        repository.commit(revision.at, {"todo.txt": [standard(line) for line in revision.lines]}, AUTHORS[number % 3])
        at = revision.at
    lines = [standard(line) for line in household()[-1].lines]

    def step(file: str, *, hours: int = 1) -> None:
        nonlocal at
        at += timedelta(hours=hours)
        repository.commit(at, {file: lines}, AUTHORS[hours % 3])

    repository.git("mv", "todo.txt", "list.txt")
    step("list.txt")  # a rename alone
    lines.append("2024-04-01 Renamed and changed at once")
    (repository.folder / "-a").mkdir()
    repository.git("mv", "--", "list.txt", "-a/tö do.txt")
    step("-a/tö do.txt")
    drawn = random.Random("git")
    for number in range(12):
        match number % 4:
            case 0:
                lines.extend(["2024-04-02 Buy milk", "2024-04-02 Buy milk"][: 1 + number % 2])
                lines.append(f"2024-04-02 Buy milk and {('bread', 'eggs', 'salt')[number // 4]}")
            case 1:
                drawn.shuffle(lines)
            case 2:
                lines[:] = [line.replace("Buy milk", "Buy oat milk", 1) if drawn.random() < 0.5 else line for line in lines]
            case _:
                del lines[drawn.randrange(len(lines)) :: 5]
        step("-a/tö do.txt", hours=number + 1)
    gone = lines.pop(0)
    step("-a/tö do.txt")
    lines.append(gone)  # it comes back
    step("-a/tö do.txt")
    # a branch with three commits is merged: its commits are not revisions of this line, the merge is one
    repository.git("checkout", "-q", "-b", "side")
    before = list(lines)
    for number in range(3):
        lines.insert(0, f"2024-04-03 From the side {'abc'[number]}")
        step("-a/tö do.txt")
    merged = list(lines)
    repository.git("checkout", "-q", "main")
    lines[:] = [*before, "2024-04-03 On the main line meanwhile"]
    step("-a/tö do.txt")
    lines[:] = [*merged, lines[-1]]
    repository.git("merge", "-q", "--no-ff", "--no-commit", "-s", "ours", "side")
    step("-a/tö do.txt")
    # the file is deleted, and comes back
    repository.git("rm", "-q", "--", "-a/tö do.txt")
    repository.commit(at + timedelta(hours=1))
    at += timedelta(hours=2)
    step("-a/tö do.txt")
    # a rebase, which picks commit after commit, puts later commits before earlier ones, so that the times go back
    base = repository.git("rev-parse", "HEAD")
    for number in range(4):
        lines.append(f"2024-04-04 To be rebased {'wxyz'[number]}")
        step("-a/tö do.txt", hours=5)
    newest = repository.git("rev-list", "--reverse", f"{base}..HEAD").split("\n")
    repository.git("reset", "-q", "--hard", base)
    for hash in (newest[2], newest[0], newest[3], newest[1]):
        repository.git("cherry-pick", "-X", "theirs", hash)
    return repository


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    folder = tmp_path_factory.mktemp("git")
    repository = build(folder / "repository")
    todo = Todo(folder / "home")
    result = todo("-L", "notes", "import", "--git", str(repository.folder / "-a/tö do.txt"))
    assert re.match(r"Imported \d+ revisions of .*-a/tö do\.txt into notes: \d+ todos now\n", result.out)
    revisions = repository.history("todo.txt", "list.txt", "-a/tö do.txt")
    return Recorded(repository, revisions, todo, todo.log("notes"))


def test_every_revision_that_changes_a_todo_is_a_commit_with_its_author_time_and_hash(recorded: Recorded) -> None:
    changing = [
        made
        for before, made in zip([None, *recorded.revisions], recorded.revisions, strict=False)
        if rows(made) != (Counter() if before is None else rows(before))
    ]
    assert len(recorded.revisions) >= 60
    assert [(made.hash, made.author) for made in changing] == [
        (commit["meta"]["git"]["revision"], commit["by"]) for commit in recorded.commits
    ]
    assert [made.at for made in changing] == [datetime.fromisoformat(commit["at"]) for commit in recorded.commits]
    times = [made.at for made in changing]
    assert times != sorted(times), "the rebase lets the times go back"


def at_each_position(recorded: Recorded) -> list[tuple[int, Made]]:
    """Each revision of the file, and the last position that it or the one before it has in the log."""
    last = {commit["meta"]["git"]["revision"]: commit["position"] + len(commit["events"]) - 1 for commit in recorded.commits}
    found, position = [], 0
    for made in recorded.revisions:
        position = last.get(made.hash, position)  # a revision that only moves lines has no commit
        found.append((position, made))
    return found


def viewed(recorded: Recorded, moment: Moment) -> Counter[Row]:
    """What the service, which `todo --at` calls, says of the list at a moment."""
    view = TodoList(open_store(f"jsonl:{recorded.todo.data}", TYPES), "notes", "me").view(moment)
    return Counter(
        Row(
            item.todo.text,
            item.todo.done,
            item.todo.priority,
            tuple(sorted({*item.todo.tags, *([] if item.todo.project is None else [item.todo.project])})),
            item.todo.due,
        )
        for item in view.items
        if not item.todo.removed
    )


def test_at_each_position_the_list_is_what_the_file_was(recorded: Recorded) -> None:
    for number, (position, made) in enumerate(at_each_position(recorded)):
        assert viewed(recorded, position) == rows(made), made
        if number % 8 == 0:
            assert rows_at(recorded.todo, f"@{position}") == rows(made), made


def test_at_each_time_the_list_is_what_the_file_was_where_times_increase(recorded: Recorded) -> None:
    checked = 0
    for number, made in enumerate(recorded.revisions):
        if all(later.at > made.at for later in recorded.revisions[number + 1 :]):
            assert viewed(recorded, made.at) == rows(made), made
            if number % 8 == 0:
                assert rows_at(recorded.todo, f"{made.at:%Y-%m-%dT%H:%M:%SZ}") == rows(made), made
            checked += 1
    assert checked > 50


def test_an_edit_is_an_edit_and_a_line_that_comes_back_is_restored(recorded: Recorded) -> None:
    events = Counter(event["type"] for commit in recorded.commits for event in commit["events"])
    assert events["todo_text_changed"] > 10
    assert events["todo_restored"] >= 1
    whole = max(recorded.commits, key=lambda commit: sum(event["type"] == "todo_removed" for event in commit["events"]))
    back = recorded.commits[recorded.commits.index(whole) + 1]
    assert {event["type"] for event in back["events"]} == {"todo_restored"}, "the file was deleted, and came back"


def without_digests(log: Sequence[Any]) -> list[Any]:
    return [{key: value for key, value in commit.items() if key != "sum"} for commit in log]


@pytest.mark.parametrize("part", [1, 17, 44, 58])
def test_an_import_in_two_steps_records_what_one_step_records(recorded: Recorded, tmp_path: Path, part: int) -> None:
    repository, todo = Repository(tmp_path / "clone"), Todo(tmp_path / "home")
    repository.git("fetch", "-q", str(recorded.repository.folder), "main")
    head = repository.git("rev-parse", "FETCH_HEAD")
    repository.git("reset", "-q", "--hard", recorded.revisions[part].hash)
    file = next(each for each in repository.git("ls-files", "-z").split("\0") if each)
    todo("-L", "notes", "import", "--git", f"{repository.folder}:{file}")
    first = todo.content("notes")
    repository.git("reset", "-q", "--hard", head)
    again = todo("-L", "notes", "import", "--git", f"{repository.folder}:-a/tö do.txt")
    assert "revisions of" in again.out
    assert todo.content("notes").startswith(first), "what was there is there, byte for byte"
    assert without_digests(todo.log("notes")) == without_digests(recorded.commits)
    todo("-L", "notes", "verify")
    content = todo.content("notes")
    assert "Nothing to import" in todo("-L", "notes", "import", "--git", f"{repository.folder}:-a/tö do.txt").out
    assert todo.content("notes") == content


def test_an_import_that_is_killed_leaves_nothing_and_the_next_one_gives_the_same_log(
    recorded: Recorded, tmp_path: Path
) -> None:
    todo = Todo(tmp_path / "home")
    place = f"{recorded.repository.folder}:-a/tö do.txt"
    seen = set()
    for number in range(9):
        program = subprocess.Popen(
            [sys.executable, "-m", "cqrs_todo", "-L", "notes", "import", "--git", place],
            env=todo.env,
            cwd=todo.home,
            stdout=subprocess.DEVNULL,
        )
        incoming: list[Path] = []
        while program.poll() is None and not incoming:
            incoming = [*todo.data.glob("lists/.notes.*")]
            if number == 0:
                break  # it has hardly begun
        program.send_signal(signal.SIGKILL)
        program.wait()
        if program.returncode == 0:
            break
        assert todo.log("notes") == [], "all of it or nothing"
        seen.add("half way" if incoming else "early")
        if len(seen) == 2:
            break
    assert "half way" in seen
    todo("-L", "notes", "import", "--git", place)
    assert without_digests(todo.log("notes")) == without_digests(recorded.commits)
    assert not [*todo.data.glob("lists/.notes.*")]


@pytest.fixture
def small(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "small")
    repository.commit(START, {"todo.txt": ["Buy milk", "(A) 2024-03-03 Call Ann +home"]})
    repository.commit(START + timedelta(hours=1), {"todo.txt": ["x Buy milk", "(A) 2024-03-03 Call Ann +home", "Water"]})
    return repository


def import_small(todo: Todo, repository: Repository, *more: str) -> str:
    return todo("-L", "notes", "import", "--git", f"{repository.folder}:todo.txt", *more).out


def test_where_the_file_names_no_time_the_time_of_the_revision_counts(todo: Todo, small: Repository) -> None:
    import_small(todo, small)
    milk, ann, water = todo.todos("-L", "notes")
    assert (milk["created"], milk["completed"]) == ("2024-04-01T08:00:00Z", "2024-04-01T09:00:00Z")
    assert ann["created"] == "2024-03-03T00:00:00Z"
    assert water["created"] == "2024-04-01T09:00:00Z"
    small.commit(START + timedelta(hours=2), {"todo.txt": ["x Buy milk!", "Water"]})
    import_small(todo, small)
    assert todo.todos("-L", "notes")[0]["completed"] == "2024-04-01T09:00:00Z", "it was done then, and edited later"


def test_what_was_changed_in_the_list_stays_when_new_revisions_come(todo: Todo, small: Repository) -> None:
    import_small(todo, small)
    todo("-L", "notes", "add", "Only here")
    todo("-L", "notes", "edit", "2", "Call Ann and Bob", "+phone")
    todo("-L", "notes", "rm", "3")
    small.commit(START + timedelta(hours=2), {"todo.txt": ["(B) 2024-03-03 Call Ann +home", "Water", "New"]})
    assert "Imported 1 revision of" in import_small(todo, small)
    ann, here, new = todo.todos("-L", "notes")  # the file removed the milk, and the water was removed here
    assert (ann["text"], ann["tags"], ann["priority"]) == ("Call Ann and Bob", ["phone"], "M")
    assert (here["text"], new["text"]) == ("Only here", "New")


def test_a_todo_that_was_moved_stays_where_it_is(todo: Todo, small: Repository) -> None:
    import_small(todo, small)
    todo("lists", "new", "other")
    todo("-L", "notes", "move", "3", "other")
    small.commit(START + timedelta(hours=2), {"todo.txt": ["Buy milk"]})
    small.commit(START + timedelta(hours=3), {"todo.txt": ["Buy milk", "Water"]})
    import_small(todo, small)
    assert [each["text"] for each in todo.todos("-L", "notes")] == ["Buy milk"]
    assert [each["text"] for each in todo.todos("-L", "other")] == ["Water"]


def test_a_todo_that_was_forgotten_does_not_come_back(todo: Todo, small: Repository) -> None:
    import_small(todo, small)
    todo("-L", "notes", "forget", "2", "-y")
    small.commit(START + timedelta(hours=2), {"todo.txt": ["(A) 2024-03-03 Call Ann +home +phone", "Water", "New"]})
    import_small(todo, small)
    assert "Call" not in todo.content("notes")
    assert [each["text"] for each in todo.todos("-L", "notes")] == ["Water", "New"]
    todo("-L", "again", "import", "--git", f"{small.folder}:todo.txt")
    assert "Call" not in todo.content("again"), "nor in another list"


def test_undo_takes_back_the_last_revision(todo: Todo, small: Repository) -> None:
    import_small(todo, small)
    todo("-L", "notes", "undo")
    assert [each["done"] for each in todo.todos("-L", "notes")] == [False, False]


@pytest.mark.skipif(not GEOMANDEL.is_dir(), reason=f"geomandel's todo.txt is not there: {GEOMANDEL}")
def test_the_history_of_a_real_file_is_what_the_file_was(tmp_path: Path) -> None:
    repository, todo = Repository(tmp_path / "geomandel"), Todo(tmp_path / "home")
    repository.commit_all(
        "todo.txt", ((each.at, "".join(f"{line}\n" for line in each.lines).encode()) for each in geomandel())
    )
    todo("-L", "notes", "import", "--git", f"{repository.folder}:todo.txt")
    recorded = Recorded(repository, repository.history("todo.txt"), todo, todo.log("notes"))
    assert len(recorded.revisions) > 10
    for position, made in at_each_position(recorded):
        assert viewed(recorded, position) == rows(made), made


def test_a_file_of_another_kind_is_refused(todo: Todo, small: Repository) -> None:
    small.write("data.txt", ['{"todos": []}'])
    small.commit(START + timedelta(hours=3))
    refused(todo, 2, "of which no history can be imported", f"{small.folder}:data.txt")


# what is refused


def refused(todo: Todo, code: int, words: str, *arguments: str, env: dict[str, str] | None = None) -> None:
    """Run it, and hold that it is refused with these words, and records nothing."""
    before = {path: path.read_bytes() for path in todo.data.rglob("*.jsonl")}
    result = todo.run("-L", "notes", "import", "--git", *arguments, env=env)
    assert (result.code, words in result.err) == (code, True), result.err
    assert {path: path.read_bytes() for path in todo.data.rglob("*.jsonl")} == before


def test_a_history_that_was_rewritten_is_refused(todo: Todo, small: Repository) -> None:
    import_small(todo, small)
    small.git("commit", "-q", "--amend", "-m", "rewritten", at=START + timedelta(hours=3))
    last = todo.log("notes")[-1]["meta"]["git"]["revision"]
    refused(todo, 1, f"{last[:12]}, the last revision that was imported into notes, is not in", f"{small.folder}:todo.txt")
    named = todo.run("-L", "notes", "import", "--git", f"{small.folder}:todo.txt").err
    assert f"todo -L NEW import --git {small.folder}:todo.txt" in named


def test_a_list_with_todos_of_its_own_is_refused(todo: Todo, small: Repository) -> None:
    todo("-L", "notes", "add", "mine")
    refused(todo, 1, "notes has todos that are not from", f"{small.folder}:todo.txt")


def test_another_file_is_refused(todo: Todo, small: Repository) -> None:
    import_small(todo, small)
    small.commit(START + timedelta(hours=3), {"other.txt": ["Another"]})
    refused(todo, 1, "or this is another file; nothing was imported", f"{small.folder}:other.txt")


def test_an_empty_list_is_filled(todo: Todo, small: Repository) -> None:
    todo("lists", "new", "notes")
    assert "Imported 2 revisions" in import_small(todo, small)
    todo("verify")


def test_without_git_a_message_says_what_to_install(todo: Todo, small: Repository, tmp_path: Path) -> None:
    refused(todo, 1, "git is not installed", f"{small.folder}:todo.txt", env={"PATH": str(tmp_path)})


def test_what_is_no_file_in_a_repository_is_refused(todo: Todo, small: Repository, tmp_path: Path) -> None:
    (tmp_path / "plain.txt").write_text("Buy milk\n")
    empty = Repository(tmp_path / "empty")
    refused(todo, 2, "is not in a git repository", str(tmp_path / "plain.txt"))
    refused(todo, 2, "no commit has this file", f"{small.folder}:nothing.txt")
    refused(todo, 2, "it has, for instance, todo.txt", f"{small.folder}:nothing.txt")
    refused(todo, 2, "is a folder: name the file in it", str(small.folder))
    refused(todo, 2, "outside the repository", f"{small.folder}:../plain.txt")
    refused(todo, 1, "the repository has no commits yet", f"{empty.folder}:todo.txt")


def test_a_repository_of_somebody_else_is_refused_as_git_refuses_it(todo: Todo, small: Repository) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a repository to somebody else")
    for path in (small.folder, small.folder / ".git"):
        os.chown(path, 12345, 12345)
    refused(todo, 1, "belongs to another user, so git does not read it", f"{small.folder}:todo.txt")
    refused(todo, 1, "git config --global --add safe.directory", f"{small.folder}:todo.txt")


def test_variables_of_git_and_programs_that_the_repository_names_have_no_effect(
    todo: Todo, small: Repository, tmp_path: Path
) -> None:
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\ncat\n")
    script.chmod(0o700)
    for key in ("core.fsmonitor", "core.pager", "diff.external", "gpg.program", "core.sshCommand", "diff.x.textconv"):
        small.git("config", key, str(script))
    small.git("config", "log.showSignature", "true")
    small.git("config", "core.hooksPath", str(tmp_path))
    (small.folder / ".git/info/attributes").write_text("* diff=x\n")
    variables = {"GIT_DIR": str(tmp_path), "GIT_EXTERNAL_DIFF": str(script), "GIT_PAGER": str(script), "GIT_TRACE": "1"}
    result = todo("-L", "notes", "import", "--git", f"{small.folder}:todo.txt", env=variables)
    assert (result.err, len(todo.log("notes"))) == ("", 2)
    assert not (tmp_path / "ran").exists()


# what is reported


def test_revisions_that_cannot_be_read_are_skipped_and_reported(todo: Todo, small: Repository) -> None:
    at = START + timedelta(hours=3)
    path = small.folder / "todo.txt"
    for number, content in enumerate((b"Caf\xe9\n", b"\x7fELF\0\0\n", None, b"Buy milk\nWater plants\n")):
        path.unlink()
        if content is None:
            path.symlink_to("/etc/passwd")
        else:
            path.write_bytes(content)
        small.commit(at + timedelta(hours=number))
    result = todo("-L", "notes", "import", "--git", f"{small.folder}:todo.txt")
    assert [line.partition(": ")[2] for line in result.err.split("\n")[:-1]] == [
        "it is not UTF-8: invalid continuation byte at byte 3",
        "it is binary",
        "it is a symbolic link, or another repository",
    ]
    assert "Imported 3 revisions of" in result.out
    assert [each["text"] for each in todo.todos("-L", "notes")] == ["Buy milk", "Water plants"]


def test_other_encodings_are_read(todo: Todo, small: Repository) -> None:
    for number, encoding in enumerate(("utf-16", "utf-8-sig")):
        (small.folder / "todo.txt").write_bytes(f"Buy milk\r\nCaf\u00e9 {number}\r\n".encode(encoding))
        small.commit(START + timedelta(hours=3 + number))
        import_small(todo, small)
        found = [each["text"] for each in todo.todos("-L", "notes")]
        assert found == ["Buy milk", f"Caf\u00e9 {number}"]


def test_a_shallow_clone_is_imported_from_where_it_begins_and_the_rest_does_not_come_twice(
    todo: Todo, small: Repository, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    small.git("clone", "-q", "--depth", "1", f"file://{small.folder}", str(clone))
    result = todo("-L", "notes", "import", "--git", f"{clone}:todo.txt")
    assert "the repository is a shallow clone" in result.err
    assert "Imported 1 revision of" in result.out
    again = todo("-L", "notes", "import", "--git", f"{clone}:todo.txt")
    assert ("Nothing to import" in again.out, "cannot be imported" in again.err) == (True, False)
    subprocess.run(["git", "fetch", "-q", "--unshallow"], cwd=clone, env=todo.env, check=True)
    deeper = todo("-L", "notes", "import", "--git", f"{clone}:todo.txt")
    assert "Nothing to import" in deeper.out
    assert "1 revision of" in deeper.err
    assert "cannot be imported into notes" in deeper.err
    assert "import the file into a new list: -L NAME" in deeper.err
    assert len(todo.todos("-L", "notes")) == 3
    result = todo("-L", "notes", "import", "--git", f"{clone}:todo.txt", "--json")
    assert result.json["before"] == 1
    assert "Imported 2 revisions" in todo("-L", "all", "import", "--git", f"{clone}:todo.txt").out


def test_revisions_without_todos_before_the_first_one_are_no_reason_for_a_warning(todo: Todo, tmp_path: Path) -> None:
    repository = Repository(tmp_path / "late")
    repository.commit(START, {"todo.txt": []})
    repository.commit(START + timedelta(hours=1), {"todo.txt": ["one"]})
    import_small(todo, repository)
    assert "cannot be imported" not in todo("-L", "notes", "import", "--git", f"{repository.folder}:todo.txt").err


def test_a_partial_clone_without_content_is_refused(todo: Todo, small: Repository, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    small.git("config", "uploadpack.allowFilter", "true")
    small.git("clone", "-q", "--no-checkout", "--filter=blob:none", f"file://{small.folder}", str(clone))
    refused(todo, 1, "the repository is a partial clone", f"{clone}:todo.txt")
    subprocess.run(["git", "checkout", "-q"], cwd=clone, env=todo.env, check=True)
    refused(todo, 1, "clone it without --filter", f"{clone}:todo.txt")


def test_json_says_what_was_imported(todo: Todo, small: Repository) -> None:
    result = todo("-L", "notes", "import", "--git", f"{small.folder}:todo.txt", "--json")
    assert (result.json["imported"], result.json["todos"], result.json["skipped"]) == (2, 3, [])


@pytest.mark.parametrize(
    ("file", "first", "second"),
    [
        (
            "TODO.md",
            ["# Home", "- [ ] Paint", "  - [ ] Buy colour", "- [ ] Call Ann", "# Work", "- [ ] Buy colour"],
            ["# Home", "- [ ] Call Ann", "- [ ] Paint the door", "  - [x] Buy colour", "# Work", "- [ ] Buy colour"],
        ),
        (
            "todo.org",
            ["* Home", "** TODO Paint", "*** TODO Buy colour", "** TODO Call Ann", "* Work", "** TODO Buy colour"],
            ["* Home", "** TODO Call Ann", "** TODO Paint the door", "*** DONE Buy colour", "* Work", "** TODO Buy colour"],
        ),
    ],
)
def test_nested_todos_of_markdown_and_org_keep_their_identity(
    todo: Todo, tmp_path: Path, file: str, first: Sequence[str], second: Sequence[str]
) -> None:
    repository = Repository(tmp_path / "nested")
    repository.commit(START, {file: first})
    repository.commit(START + timedelta(hours=1), {file: second})
    todo("-L", "notes", "import", "--git", f"{repository.folder}:{file}")
    before = todo("-L", "notes", "--at", "@1", "ls", "--all", "--json").json["todos"]
    after = todo.todos("-L", "notes")
    assert [each["text"] for each in after] == ["Paint the door", "Buy colour", "Call Ann", "Buy colour"]
    assert [each["text"] for each in before] == ["Paint", "Buy colour", "Call Ann", "Buy colour"]
    assert [each["done"] for each in after] == [False, True, False, False]
    assert after[1]["parent"] == after[0]["id"]
    assert [each["project"] for each in after] == ["Home", "Home", "Home", "Work"]
    assert len(json.loads(todo.content("notes").split("\n")[2])["events"]) == 2, "only two todos changed"


def test_a_file_that_was_renamed_is_not_imported_by_its_old_name(todo: Todo) -> None:
    repository = Repository(todo.home / "r")
    repository.commit(START, {"sub/todo.txt": ["one apple", "two pears"]})
    todo("-L", "notes", "import", "--git", "r/sub/todo.txt")
    repository.git("mv", "sub/todo.txt", "tasks.txt")
    hash = repository.commit(START + timedelta(hours=1), {"other.txt": ["x"]})
    for place, named in (("r:sub/todo.txt", "r:tasks.txt"), ("r/sub/todo.txt", "r/sub:../tasks.txt")):
        refused = todo.run("-L", "notes", "import", "--git", place)
        assert refused.code == 2
        assert f"{place}: commit {hash[:12]} renamed it to tasks.txt; nothing was imported" in refused.err
        assert f"todo -L notes import --git {named}\n" in refused.err
        assert "Nothing to import" in todo("-L", "notes", "import", "--git", named).out  # it only has another name
    repository.commit(START + timedelta(hours=2), {"tasks.txt": ["one apple", "two pears", "three plums"]})
    todo("-L", "notes", "import", "--git", "r/tasks.txt")
    assert [each["text"] for each in todo.todos("-L", "notes")] == ["one apple", "two pears", "three plums"]


def test_a_folder_that_had_the_name_of_the_file_is_no_revision_of_it(todo: Todo) -> None:
    repository = Repository(todo.home / "r")
    repository.commit(START, {"todo.txt": ["apple", "pears"]})
    repository.git("rm", "-q", "todo.txt")
    repository.commit(START + timedelta(hours=1), {"todo.txt/sub.txt": ["an inner thing"]})
    repository.git("rm", "-q", "todo.txt/sub.txt")
    repository.commit(START + timedelta(hours=2), {"todo.txt": ["apple", "pears", "last"]})
    assert "Imported 3 revisions of r/todo.txt" in todo("-L", "notes", "import", "--git", "r/todo.txt").out
    assert "Nothing to import" in todo("-L", "notes", "import", "--git", "r/todo.txt").out
    assert [each["text"] for each in todo.todos("-L", "notes")] == ["apple", "pears", "last"]
    assert not todo("-L", "notes", "--at", f"{START + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}", "ls", "--json").json["todos"]


def test_an_empty_file_or_a_copy_does_not_bring_the_history_of_another_file(todo: Todo) -> None:
    repository = Repository(todo.home / "r")
    work = [f"work item number {number}" for number in range(7)]
    steps: list[dict[str, list[str]]] = [
        {"todo.txt": ["an early thing"]},
        {"notes.txt": ["secret plan"]},
        {"notes.txt": []},
        {},
        {"todo.txt": []},
        {"todo.txt": ["buy milk"]},
        {"work.txt": work[:6]},
        {"work.txt": work},
        {"home.txt": work},
        {"home.txt": ["paint the wall"]},
    ]
    for number, files in enumerate(steps):
        if number == 3:
            repository.git("rm", "-q", "todo.txt")
        if number == 4:
            repository.git("rm", "-q", "notes.txt")
        repository.commit(START + timedelta(hours=number), files)
    todo("-L", "notes", "import", "--git", "r/todo.txt")
    assert sorted(each["text"] for each in todo("-L", "notes", "export").json["todos"]) == ["an early thing", "buy milk"]
    assert "Imported 2 revisions of r/home.txt" in todo("-L", "home", "import", "--git", "r/home.txt").out
