"""The program's folders are those of the platform, and a configuration that cannot be read is never taken for absent."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import platformdirs
import pytest

from cqrs_todo.cli.config import APP, Kind, user_dir
from tests.conftest import Todo

HOMES = [{"HOME": "/home/jo"}, {"HOME": "/home/jo/"}, {"HOME": "/"}, {"HOME": ""}, {"HOME": "jo"}, {}]
NAMED = [{}, {"": "/elsewhere"}, {"": "/elsewhere/"}, {"": "/"}, {"": ""}, {"": "here"}, {"": "~/there"}, {"": " /space"}]
ASK = {
    "config": platformdirs.user_config_dir,
    "data": platformdirs.user_data_dir,
    "cache": platformdirs.user_cache_dir,
    "state": platformdirs.user_state_dir,
}


@pytest.mark.parametrize("kind", ASK)
@pytest.mark.parametrize("home", HOMES, ids=str)
@pytest.mark.parametrize("named", NAMED, ids=str)
def test_folders_are_those_that_platformdirs_names(
    kind: Kind, home: Mapping[str, str], named: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in home.items():
        monkeypatch.setenv(name, value)
    for value in named.values():
        monkeypatch.setenv(f"XDG_{kind.upper()}_HOME", value)
    assert user_dir(kind) == ASK[kind](APP)


def write_config(todo: Todo, text: str) -> Path:
    path = todo.home / ".config/cqrs-todo/config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere.toml")


def dangling_through_another_link(path: Path) -> None:
    dangling(path)
    path.rename(path.with_name("second"))
    path.symlink_to("second")


def loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/null")


def endless_device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def socket_file(path: Path) -> None:
    path.unlink()
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(path))


def folder_is_a_file(path: Path) -> None:
    shutil.rmtree(path.parent)
    path.parent.write_text("")


def folder_above_is_a_file(path: Path) -> None:
    shutil.rmtree(path.parent.parent)
    path.parent.parent.write_text("")


def folder_is_a_dangling_link(path: Path) -> None:
    shutil.rmtree(path.parent)
    path.parent.symlink_to("nowhere")


def folder_above_is_a_dangling_link(path: Path) -> None:
    shutil.rmtree(path.parent.parent)
    path.parent.parent.symlink_to("/nowhere/at/all")


def folder_is_a_loop(path: Path) -> None:
    shutil.rmtree(path.parent)
    path.parent.symlink_to(path.parent.name)


def huge(path: Path) -> None:
    os.truncate(path, 1 << 40)


def not_utf8(path: Path) -> None:
    path.write_bytes(b"\xff\xfe")


def not_toml(path: Path) -> None:
    path.write_text("store: yes")


def nul_in_the_store(path: Path) -> None:
    path.write_text('store = "jsonl:a\\u0000b"')


def nul_in_the_list(path: Path) -> None:
    path.write_text('list = "a\\u0000b"')


def surrogate(path: Path) -> None:
    path.write_text('store = "jsonl:a\\ud800b"')


UNREACHABLE = [
    dangling,
    dangling_through_another_link,
    loop,
    folder,
    fifo,
    device,
    endless_device,
    socket_file,
    folder_is_a_file,
    folder_above_is_a_file,
    folder_is_a_dangling_link,
    folder_above_is_a_dangling_link,
    folder_is_a_loop,
    huge,
    not_utf8,
    not_toml,
    nul_in_the_store,
    nul_in_the_list,
    surrogate,
]


def refused(todo: Todo, *, env: Mapping[str, str] | None = None) -> None:
    before = sorted(todo.home.rglob("*"))
    for args in (["add", "x"], ["ls"], [], ["done", "1"], ["undo"], ["lists", "new", "y"], ["verify"]):
        result = todo.run(*args, env=env)
        assert (result.code, result.out) == (2, ""), (args, result.err)
        assert "config.toml" in result.err, args
    assert sorted(todo.home.rglob("*")) == before


@pytest.mark.parametrize("spoil", UNREACHABLE)
def test_a_configuration_that_cannot_be_read_is_an_error_and_nothing_is_written(
    todo: Todo, spoil: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_config(todo, 'store = "jsonl:~/elsewhere"')
    monkeypatch.chdir(todo.home)
    spoil(path)
    refused(todo)


def test_a_home_that_is_a_dangling_link_is_an_error(todo: Todo) -> None:
    (todo.home / "link").symlink_to("nowhere")
    for name in ("HOME", "XDG_CONFIG_HOME"):
        refused(todo, env={name: str(todo.home / "link")})
        refused(todo, env={name: str(todo.home / "link/below")})


@pytest.mark.parametrize("mode", ["file", "folder", "folder above"])
def test_a_configuration_that_may_not_be_read_is_an_error(todo: Todo, mode: str) -> None:
    path = write_config(todo, 'store = "jsonl:~/elsewhere"')
    closed = {"file": path, "folder": path.parent, "folder above": path.parent.parent}[mode]
    command = [sys.executable, "-m", "cqrs_todo", "add", "x"]
    if os.geteuid() == 0:  # permissions do not bind root
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            pytest.skip("needs setpriv to give up the rights of root")
        command = [
            setpriv,
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "--inh-caps=-all",
            "--bounding-set=-all",
            *command,
        ]
        for owned in (todo.home, *todo.home.rglob("*")):
            os.chown(owned, 65534, 65534)
        for parent in todo.home.parents:
            if not parent.stat().st_mode & 0o001:
                parent.chmod(parent.stat().st_mode | 0o011)  # only pytest's own folders are closed to others
    closed.chmod(0)
    try:
        done = subprocess.run(command, env=todo.env, cwd="/", capture_output=True, text=True, check=False)
    finally:
        closed.chmod(0o700)
    if "No module named" in done.stderr or "Permission denied: '/work" in done.stderr:
        pytest.skip("another user may not read the program")
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert "config.toml cannot be read: Permission denied" in done.stderr
    assert not (todo.home / "elsewhere").exists()
    assert not todo.data.exists()


def test_a_configuration_that_does_not_exist_is_absent(todo: Todo) -> None:
    todo("add", "x")
    (todo.home / ".config").mkdir()
    todo("add", "x")
    (todo.home / ".config/cqrs-todo").mkdir()
    todo("add", "x")
    todo("add", "x", env={"XDG_CONFIG_HOME": str(todo.home / "not/there")})
    (todo.home / "there").mkdir()
    (todo.home / "link").symlink_to("there")
    todo("add", "x", env={"XDG_CONFIG_HOME": str(todo.home / "link/not/there")})
    assert len(todo.log()) == 5


def test_a_configuration_behind_links_is_read(todo: Todo) -> None:
    path = write_config(todo, 'store = "jsonl:~/elsewhere"')
    path.rename(todo.home / "dotfiles.toml")
    path.symlink_to(todo.home / "dotfiles.toml")
    path.parent.rename(todo.home / "moved")
    path.parent.symlink_to(todo.home / "moved")
    todo("add", "x")
    assert not todo.data.exists()
    assert (todo.home / "elsewhere/lists/inbox.jsonl").exists()


@pytest.mark.parametrize("home", ["", "relative", "/nowhere/at/all", "/dev/null", "/" + "x" * 300, "/x" * 3000, None])
def test_a_home_that_is_no_folder_gives_an_error_and_no_traceback(todo: Todo, home: str | None) -> None:
    env = {name: value for name, value in todo.env.items() if name != "HOME"} | ({} if home is None else {"HOME": home})
    for args in (["ls", "--json"], ["where"]):  # they write nothing, in whose home this may ever be
        done = subprocess.run(
            [sys.executable, "-m", "cqrs_todo", *args], env=env, cwd=todo.home, capture_output=True, text=True, check=False
        )
        assert done.returncode in (0, 2, 3, 6), done.stderr
        assert "Traceback" not in done.stderr


def test_a_saved_filter_is_part_of_a_query(todo: Todo) -> None:
    write_config(todo, '[filters.urgent]\nwhere = "overdue or pri:H"\n\n[filters.bad]\nwhere = "due:"\n')
    todo("add", "-", stdin="Buy milk pri:H\nCall +home pri:H\nRest\n")
    assert [line.split()[2] for line in todo("ls", "filter:urgent").out.splitlines()] == ["Buy", "Call"]
    assert [line.split()[2] for line in todo("ls", "filter:urgent", "-home").out.splitlines()] == ["Buy"]
    bad = todo.run("ls", "filter:bad")
    assert (bad.code, "in the filter bad: column 1 of the query: due: has no value" in bad.err) == (2, True)
    for wrong, why in (
        ("filters = 3", "filters must be tables"),
        ("filters.x = 3", "the filter 'x' must be a table"),
        ("[filters.x]", "needs `where`, a query in quotes"),
        ("[filters.x]\nwhere = 3", "needs `where`, a query in quotes"),
        ('[filters.x]\nwhere = ""\nsort = 1', "`sort` must be a text"),
        ('[filters.x]\nwhere = ""\nlist = "work"', "`list` must be a list of names"),
        ('[filters.x]\nwhere = ""\nlists = ["work"]', "has no key 'lists'"),
        ('[filters.x]\nwhere = ""\nsort = " "', "`sort` must be a text"),
        ('[filters.x]\nwhere = ""\nlist = ["a/b"]', "the filter 'x': `list`: a list's name cannot contain '/'"),
    ):
        write_config(todo, wrong)
        refused = todo.run("ls")
        assert (refused.code, why in refused.err) == (2, True), wrong


def test_an_error_for_a_value_of_the_configuration_names_the_file(todo: Todo) -> None:
    todo("add", "a")
    path = todo.home / ".config/cqrs-todo/config.toml"
    for wrong, words, code, why in (
        ('list = "a/b"', ["ls"], 2, "list: a list's name cannot contain '/'"),
        ('list = ""', ["ls"], 2, "list is empty"),
        ('store = "foo"', ["ls"], 2, "that is not the URL of a store"),
        ('store = "jsonl:~nobody-here/x"', ["ls"], 2, "no such user"),
        ('[filters.x]\nwhere = ""\nsort = "nope"', ["ls", "filter:x"], 2, "'nope' is not a sort key"),
        ('[filters.x]\nwhere = ""\nlist = ["inbox", "nope"]', ["ls", "filter:x"], 3, "no list named 'nope'"),
        ('[filters.x]\nwhere = ""\nlist = ["nope"]', ["stats", "filter:x"], 3, "no list named 'nope'"),
    ):
        write_config(todo, wrong)
        refused = todo.run(*words, env={"TODO_STORE": ""})
        assert (refused.code, why in refused.err, f"{path}" in refused.err) == (code, True, True), refused.err
    write_config(todo, 'store = "foo"')
    assert f"{path}" not in todo.run("ls", "--store", "bar").err


@pytest.mark.parametrize(
    "text", ['store = "jsonl:lists"', '[sync.home]\nurl = "folder:Sync"', '[sync.home]\nurl = "jsonl:../hub"']
)
def test_a_folder_in_the_configuration_does_not_depend_on_where_somebody_works(todo: Todo, text: str) -> None:
    file = todo.home / ".config/cqrs-todo/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    result = todo.run("add", "x")
    assert (result.code, "must name a folder by its whole path" in result.err) == (2, True)
    assert not todo.data.exists()
