"""Lists on a server: its tables brought up to date, what it can do, who may do what, and what goes wrong."""

import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from cqrs_todo.cqrs.stores.postgres.schema import MIGRATIONS
from tests.cli.test_view import install
from tests.conftest import Todo

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def shared(todo: Todo, database: str) -> Todo:
    """The program with its lists in PostgreSQL."""
    todo.store = todo.env["TODO_STORE"] = database
    return todo


def sql(database: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(database, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def test_the_configuration_file_names_the_store(todo: Todo, database: str) -> None:
    todo.env.pop("TODO_STORE", None)
    (todo.home / ".config/cqrs-todo").mkdir(parents=True)
    (todo.home / ".config/cqrs-todo/config.toml").write_text(f'store = "{database}"\nauthor = "Jo"\n')
    todo("add", "Buy milk")
    assert not (todo.home / ".local/share/cqrs-todo").exists()
    author, role = sql(database, "SELECT author, role FROM cqrs_commits")[0]
    assert (author, role) == ("Jo", "postgres")


def test_a_damaged_list_on_a_server_is_to_be_restored_from_a_backup(shared: Todo, database: str) -> None:
    shared("add", "Buy milk")
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE cqrs_commits SET sum = 'x'")
    found = shared.run("verify")
    assert (found.code, "verify --repair" in found.err) == (5, False), found.err
    assert "restore the list from a backup of the database" in found.err


def test_older_tables_wait_for_migrate(shared: Todo, database: str) -> None:
    sql(database, "CREATE TABLE cqrs_schema (version integer PRIMARY KEY, at timestamptz DEFAULT now(), what text)")
    (schema,) = sql(database, "SELECT current_schema()")[0]
    sql(database, MIGRATIONS[0].sql.replace("{schema}", str(schema)))
    sql(database, "INSERT INTO cqrs_schema (version, what) VALUES (1, 'by hand')")
    for verb in (("ls",), ("add", "x"), ("verify",)):
        refused = shared.run(*verb)
        assert refused.code == 6
        assert "has tables of version 1, earlier than this program's 3" in refused.err
        assert "todo store migrate" in refused.err
    assert shared.run("ls", "--json").error["code"] == "store-outdated"
    assert shared("store", "migrate").out.splitlines()[1:] == [
        "  2: how far reactions have come, and the events that they could not react to",
        "  3: snapshots",
    ]
    shared("add", "Buy milk")
    assert shared("store", "migrate").out == "Nothing to migrate\n"
    assert shared("store", "migrate", "--json").json["migrations"] == []


def test_an_empty_database_can_be_migrated_before_first_use(shared: Todo, database: str) -> None:
    assert shared("store", "migrate", "--plain").out.startswith("1: logs")
    assert sql(database, "SELECT max(version) FROM cqrs_schema") == [(len(MIGRATIONS),)]


def test_later_tables_are_refused(shared: Todo, database: str) -> None:
    shared("add", "Buy milk")
    sql(database, "INSERT INTO cqrs_schema (version, what) VALUES (99, 'wonders')")
    for verb in (("ls",), ("store", "migrate")):
        refused = shared.run(*verb)
        assert refused.code == 6
        assert "version 99, later than this program's 3: use a newer program" in refused.err


@pytest.mark.long
def test_what_a_store_can_do_is_tried_beside_its_lists(shared: Todo, database: str) -> None:
    shared("add", "Buy milk")
    schemas = "SELECT nspname FROM pg_namespace ORDER BY 1"
    before = sql(database, schemas)
    cases = shared("store", "check", "--json").json["cases"]
    assert {case["outcome"] for case in cases} == {"holds"}
    assert len(cases) > 40
    assert sql(database, schemas) == before, "nothing of the trial is left"
    assert [row["text"] for row in shared.todos()] == ["Buy milk"]


def test_a_store_that_keeps_nothing_does_not_pass(todo: Todo) -> None:
    failed = todo.run("store", "check", "null:")
    assert failed.code == 1
    assert "fails: what was appended is read by anyone: " in failed.out
    assert re.search(r"^\d+ of \d+ cases passed in null:", failed.out, re.MULTILINE)
    assert "does not keep the contract" in failed.err
    assert "see the cases above" in failed.err


def test_a_log_in_a_store_that_keeps_no_lines_is_exported_as_todos_by_the_command_that_is_named(todo: Todo) -> None:
    refused = todo.run("--store", "null:", "export", "--format", "events")
    hint = "to export the todos without their history: todo --store null: export --format json"
    message = "inbox cannot be exported as lines, because its store does not keep lines"
    assert (refused.code, refused.out, refused.err) == (1, "", f"todo: {message}\n      {hint}\n")
    assert todo(*hint.partition(": todo ")[2].split()).json["todos"] == []


NOT_IN_FILES = "shared snapshots hold nothing that was forgotten"
"""The case of the contract that does not apply to files, which share no snapshots."""


@pytest.mark.long
def test_a_folder_is_tried_in_a_corner(todo: Todo, tmp_path: Path) -> None:
    apart, summary = todo("store", "check", f"jsonl:{tmp_path}/not/there/yet").out.splitlines()
    assert NOT_IN_FILES in apart
    counts = re.fullmatch(r"(\d+) of (\d+) cases passed in jsonl:.*/not/there/yet, 1 does not apply", summary)
    assert counts is not None
    assert int(counts[1]) + 1 == int(counts[2]) > 60
    assert list(tmp_path.iterdir()) == [todo.home]


FOLDERS = """
import sqlite3
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from cqrs_todo.cqrs.stores.jsonl import JsonlStore


class FolderStore(JsonlStore):
    def __init__(self, url, types, **more):
        super().__init__(url.removeprefix("folder:"), types, **more)
        self.url = url


class Raising(FolderStore):
    def __init__(self, url, types, **more):
        raise KeyError("no such place")


class Failing(FolderStore):
    def open(self, name):
        raise sqlite3.OperationalError("database is locked")


class Disconnected(FolderStore):
    def open(self, name):
        raise BrokenPipeError("Broken pipe")


class Unclosed(FolderStore):
    def close(self):
        raise RuntimeError("cannot be closed")


class Checked(FolderStore):
    @staticmethod
    @contextmanager
    def scratch(url):
        with TemporaryDirectory() as area:
            yield f"checked:{area}"

    def __init__(self, url, types, **more):
        super().__init__(url.removeprefix("checked:"), types, **more)
        self.url = url
"""


def test_a_package_can_offer_a_store(todo: Todo, tmp_path: Path) -> None:
    classes = {"folder": "FolderStore", "checked": "Checked", "broken": "Nothing", "raising": "Raising"}
    points = [f"{name} = folders:{made}" for name, made in classes.items()]
    env = install(todo, "folders", {"folders": FOLDERS}, *points, group="cqrs_todo.stores")
    folder = ("--store", f"folder:{tmp_path}/mine")
    todo("add", "Buy milk", *folder, env=env)
    assert (tmp_path / "mine/lists/inbox.jsonl").exists()
    assert "Buy milk" in todo("ls", *folder, env=env).out
    checked = todo("store", "check", f"checked:{tmp_path}/mine", "--json", env=env)
    assert [case["name"] for case in checked.json["cases"] if case["outcome"] != "holds"] == [NOT_IN_FILES]
    refused = todo.run("store", "check", f"folder:{tmp_path}/mine", env=env)
    assert (refused.code, "offers no empty area" in refused.err) == (2, True)
    broken = todo.run("ls", "--store", "broken:x", env=env)
    assert (broken.code, "the store broken: cannot be loaded: AttributeError" in broken.err) == (2, True)
    raising = todo.run("ls", "--store", "raising:x", env=env)
    assert (raising.code, "the store raising: cannot be opened: KeyError: 'no such place'" in raising.err) == (2, True)
    unknown = todo.run("ls", "--store", "unknown:x", env=env)
    assert "memory:, null:, broken:…, checked:…, folder:… or raising:…" in unknown.err


def test_a_fault_of_a_store_that_a_package_offers_is_not_called_one_of_this_program(todo: Todo, tmp_path: Path) -> None:
    env = install(todo, "folders", {"folders": FOLDERS}, "failing = folders:Failing", group="cqrs_todo.stores")
    metadata = todo.home / "packages/folders-1.0.dist-info/METADATA"
    what = "the store failing: failed: OperationalError: database is locked; the fault"
    for args, unknown in (("ls",), ""), (("--json", "done", "1"), "; it is not known whether the change was recorded"):
        failed = todo.run(*args, "--store", f"failing:{tmp_path}", env=env)
        assert (failed.code, what in failed.err) == (1, True)
        assert f"the fault is in the package folders 1.0, which offers this store{unknown}" in failed.err
        assert "report it to those who made that package" in failed.err
        assert "Traceback" not in failed.err
    for line, contact in (
        ("Author-email: Jo <jo@example.org>", "Jo <jo@example.org>"),
        ("Project-URL: Issue tracker, https://example.org/issues", "https://example.org/issues"),
    ):
        metadata.write_text(f"{metadata.read_text()}{line}\n")
        failed = todo.run("history", "--store", f"failing:{tmp_path}", env=env)
        assert (failed.code, f"report it to {contact}\n" in failed.err) == (1, True)
    assert not list(todo.home.rglob("error-*.txt"))


@pytest.mark.parametrize("args", [("ls",), ("ls", "--json"), ("add", "Buy milk", "--json")])
def test_a_connection_that_breaks_in_another_package_s_store_is_not_taken_for_output_that_nobody_reads(
    todo: Todo, tmp_path: Path, args: tuple[str, ...]
) -> None:
    env = install(todo, "folders", {"folders": FOLDERS}, "gone = folders:Disconnected", group="cqrs_todo.stores")
    failed = todo.run(*args, "--store", f"gone:{tmp_path}", env=env)
    assert (failed.code, failed.out) == (1, "")
    assert "the store gone: failed: BrokenPipeError: Broken pipe; the fault is in the package folders 1.0" in failed.err


def test_another_package_s_store_that_cannot_be_closed_ends_no_run_with_a_traceback(todo: Todo, tmp_path: Path) -> None:
    env = install(todo, "folders", {"folders": FOLDERS}, "open = folders:Unclosed", group="cqrs_todo.stores")
    failed = todo.run("add", "Buy milk", "--store", f"open:{tmp_path}", env=env)
    assert (failed.code, "Added 1: Buy milk" in failed.out + failed.err) == (1, True)
    assert "the store open: failed: RuntimeError: cannot be closed" in failed.err
    assert "Traceback" not in failed.err


def test_a_password_in_the_url_of_another_package_s_store_is_not_shown(todo: Todo, tmp_path: Path) -> None:
    env = install(todo, "folders", {"folders": FOLDERS}, "failing = folders:Failing", group="cqrs_todo.stores")
    for args in (("ls",), ("add", "Buy milk"), ("where",)):
        shown = todo.run(*args, "--store", f"failing://me:s3cret@host{tmp_path}", env=env)
        assert "s3cret" not in shown.out + shown.err


def test_what_is_wrong_with_store(todo: Todo) -> None:
    assert todo.run("store").code == todo.run("store", "check", "sqlite:x").code == 2
    assert todo.run("--at", "yesterday", "store", "migrate").code == 2


@pytest.mark.parametrize("verb", [("ls",), ("add", "x"), ("store", "migrate"), ("store", "check")])
def test_a_server_that_is_not_there(todo: Todo, verb: tuple[str, ...]) -> None:
    todo.env["TODO_STORE"] = "postgresql://jo:secret@127.0.0.1:1/lists"
    failed = todo.run(*verb)
    assert failed.code == 6
    assert "postgresql://jo@127.0.0.1:1/lists" in failed.err
    assert "secret" not in failed.err + failed.out


def test_the_roles_of_the_documentation_are_enough_and_no_more(shared: Todo, database: str) -> None:
    shared("add", "Buy milk")
    (block,) = re.findall(r"```sql\n(.*?)```", (DOCS / "postgresql.md").read_text(), re.DOTALL)
    clerk = f"clerk_{re.sub(r'.*schema_', '', database)}"
    (schema,) = sql(database, "SELECT current_schema()")[0]
    sql(database, f"CREATE ROLE {clerk} LOGIN; REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} FROM PUBLIC")
    try:
        sql(database, block.replace("clerk", clerk).replace("SCHEMA public", f"SCHEMA {schema}"))
        as_clerk = re.sub(r"//[^:@/]*", f"//{clerk}", database, count=1)
        shared.env["TODO_STORE"] = as_clerk
        shared("add", "Call Jo")
        shared("done", "1-2")
        shared("undo")
        shared("lists", "new", "work")
        shared("lists", "rename", "work", "job")
        shared("lists", "archive", "job")
        shared("verify")
        assert [row["done"] for row in shared.todos()] == [False, False]
        assert sql(database, "SELECT DISTINCT role FROM cqrs_commits ORDER BY 1") == [(clerk,), ("postgres",)]
        for change in (
            "UPDATE cqrs_commits SET author = 'x'",
            "DELETE FROM cqrs_events",
            "DROP TABLE cqrs_logs",
            "UPDATE cqrs_logs SET id = 'x'",
            "INSERT INTO cqrs_commits (role) VALUES ('postgres')",
            "CREATE FUNCTION cqrs_append(int, int, text, text, text, text[]) RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "CREATE TRIGGER t AFTER INSERT ON cqrs_commits FOR EACH ROW EXECUTE FUNCTION tsvector_update_trigger()",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                sql(as_clerk, change)
        assert shared.run("store", "migrate").code == 0
        sql(database, f"REVOKE INSERT (stream) ON cqrs_events FROM {clerk}")
        refused = shared.run("add", "x")
        assert refused.code == 6
        assert refused.err.count("\n") == 1, "one line"
        columns = "log, commit, position, id, stream, version, type, data, tags"
        assert refused.err.endswith(f"to allow it: GRANT INSERT ({columns}) ON {schema}.cqrs_events TO {clerk}\n")
        assert len(shared.todos()) == 2
    finally:
        sql(database, f"DROP OWNED BY {clerk}; DROP ROLE {clerk}")


def _altered(database: str) -> None:
    sql(database, "UPDATE cqrs_commits SET line = replace(line, 'Call', 'Kall') WHERE position = 2")


def _missing(database: str) -> None:
    sql(database, "DELETE FROM cqrs_events WHERE position = 2; DELETE FROM cqrs_commits WHERE position = 2")


@pytest.mark.parametrize(("harm", "what"), [(_altered, "altered"), (_missing, "missing")])
def test_damage_on_a_server_is_told_and_left(shared: Todo, database: str, harm: Callable[[str], None], what: str) -> None:
    for text in ("Buy milk", "Call Jo", "Write home"):
        shared("add", text)
    harm(database)
    shared.env["XDG_CACHE_HOME"] = str(shared.home / "elsewhere")  # where no snapshot stands after the damage
    looked = shared("ls")
    assert "Buy milk" in looked.out
    assert "Write home" not in looked.out
    assert "is damaged after @1" in looked.err
    assert shared.run("add", "x").code == shared.run("history").code == 5
    verified = shared.run("verify", "--json")
    assert (verified.code, verified.json["lists"][0]["damage"]["what"]) == (5, what)
    repaired = shared.run("verify", "--repair")
    assert "restore it from a backup" in repaired.out
    assert repaired.code == 5


def test_the_same_log_in_files_and_on_a_server_has_its_snapshots_twice(todo: Todo, database: str) -> None:
    todo.env.pop("TODO_STORE", None)
    todo.store = None
    todo("add", "-", stdin="".join(f"todo {n}\n" for n in range(700)))
    todo("ls")
    cache = todo.home / ".cache/cqrs-todo/snapshots"

    def kept() -> dict[Path, int]:
        return {file: file.stat().st_mtime_ns for file in sorted(cache.glob("jsonl/*/*"))}

    before = kept()
    assert before
    todo("--store", database, "import", "-", stdin=todo("export", "--format", "events").out)
    assert todo("--store", database, "ls").out == todo("ls").out
    assert kept() == before
    assert list(cache.glob("postgresql/*/*"))


def test_an_interruption_waits_for_the_server(todo: Todo, database: str) -> None:
    todo.env["TODO_STORE"] = database
    todo("add", "Buy milk")
    program = subprocess.Popen(
        [sys.executable, "-m", "cqrs_todo", "add", "Call Jo"], env=todo.env, cwd=todo.home, stderr=subprocess.PIPE
    )
    with psycopg.connect(database) as other:
        other.execute("SELECT cqrs_hold(key) FROM cqrs_logs")
        waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'advisory'"
        while not sql(database, waiting):
            assert program.poll() is None
        program.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            program.wait(0.3)
    _, said = program.communicate(timeout=20)
    assert program.returncode == 130
    assert b"@2 was recorded before the interruption" in said
    assert [row["text"] for row in todo.todos()] == ["Buy milk", "Call Jo"]


def test_a_missing_extra_is_named_with_the_command_that_installs_it(todo: Todo) -> None:
    todo.env["TODO_STORE"] = "postgresql://nowhere"
    code = "import sys; sys.modules['psycopg'] = None; from cqrs_todo.cli import run; run()"
    done = subprocess.run([sys.executable, "-c", code, "ls"], env=todo.env, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "postgresql needs the extra `postgres` of this package" in done.stderr
    assert "pipx install --force '.[postgres]'" in done.stderr
