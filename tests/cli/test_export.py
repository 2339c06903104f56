"""`export -o`: what it replaces, what it writes to, and what it refuses."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Pasts, Todo

PROGRAM = [sys.executable, "-m", "cqrs_todo"]


@pytest.fixture
def filled(todo: Todo, pasts: Pasts) -> Todo:
    return pasts.give(todo, _fill)


def _fill(todo: Todo) -> None:
    todo("add", "Buy milk")
    todo("add", "-L", "work", "Report")
    todo("lists", "archive", "work")


@pytest.fixture
def target(filled: Todo) -> Iterator[Path]:
    folder = filled.home / "out"
    folder.mkdir()
    yield folder / "export.json"
    assert not list(folder.glob(".*")), "a temporary file was left behind"


def whole(path: Path, filled: Todo) -> bool:
    return path.read_text() == filled("export").out


def test_the_file_is_private_whatever_the_umask_and_its_old_mode(filled: Todo, target: Path) -> None:
    for umask in (0o000, 0o777):
        subprocess.run([*PROGRAM, "export", "-o", str(target)], env=filled.env, check=True, umask=umask, capture_output=True)
        assert target.stat().st_mode & 0o777 == 0o600
        assert whole(target, filled)
        target.chmod(0o644)


def test_a_regular_file_is_replaced_once_the_new_one_is_on_the_disk(filled: Todo, target: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("needs strace")
    target.write_text("old")
    trace = filled.home / "trace"
    calls = "trace=write,fsync,rename,renameat,renameat2,fdatasync"
    command = [strace, "-f", "-y", "-o", str(trace), "-e", calls, *PROGRAM, "export", "-o", str(target)]
    subprocess.run(command, env=filled.env, check=True, capture_output=True)
    lines = [line for line in trace.read_text().splitlines() if str(target.parent) in line or "Exported" in line]
    calls_made = [line.split("(")[0].split()[-1] for line in lines]
    assert calls_made == ["write", "fsync", "rename", "fsync", "write"], lines
    assert "Exported" in lines[-1]


def test_an_export_that_fails_leaves_the_file_that_was_there(filled: Todo, target: Path) -> None:
    filled("add", "x" * 50_000)
    target.write_text("old")
    command = ["prlimit", "--fsize=4096", *PROGRAM, "export", "-o", str(target)]
    done = subprocess.run(command, env=filled.env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "what was there before is unchanged" in done.stderr
    assert target.read_text() == "old"


@pytest.mark.parametrize("format", ["json", "events"])
def test_an_export_of_a_damaged_list_leaves_the_file_that_was_there(filled: Todo, target: Path, format: str) -> None:
    target.write_text("old")
    filled("add", "two")
    filled.log_file().write_bytes(filled.log_file().read_bytes().replace(b'"two"', b'"TWO"'))
    refused = filled.run("export", "--format", format, "-o", str(target))
    assert refused.code == 5
    assert "nothing was exported" in refused.err
    assert target.read_text() == "old"


@pytest.mark.parametrize(
    "words", [("--format", format) for format in ("json", "events", "todotxt")] + [("-A", "--format", "csv")]
)
def test_an_export_of_a_damaged_list_to_stdout_ends_with_an_error(filled: Todo, words: tuple[str, ...]) -> None:
    filled("-L", "shop", "add", "of another list")
    damaged = filled.log_file("shop" if "-A" in words else "inbox")
    damaged.write_bytes(damaged.read_bytes() + b"garbage\n")
    result = filled.run("export", *words)
    assert (result.code, "; the export holds only what comes before it\n" in result.err) == (5, True)
    assert result.err.count(damaged.name) == 1
    assert "Buy milk" in result.out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_export_leaves_the_file_that_was_there_and_no_other(
    filled: Todo, target: Path, number: signal.Signals
) -> None:
    filled("add", "-", stdin="x\n" * 3_000)
    filled("ls")  # so that a snapshot is there, and need not be written slowly
    target.write_text("old")
    slow = "import os, sys, time; w = os.write; os.write = lambda fd, data: w(fd, data[:9]) * (time.sleep(0.01) is None)\n"
    slow += "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a job in the background ignores it
    slow += "from cqrs_todo.__main__ import run; run()"
    run = subprocess.Popen([sys.executable, "-c", slow, "export", "-o", str(target)], env=filled.env, stderr=subprocess.PIPE)
    while not list(target.parent.glob(".todo-export*")):
        assert run.poll() is None
        time.sleep(0.01)
    run.send_signal(number)
    _, err = run.communicate(timeout=30)
    assert (run.returncode, err) == (130 if number == signal.SIGINT else -number, b"")
    assert target.read_text() == "old"


def test_through_links_the_file_that_they_name_is_written(filled: Todo, target: Path) -> None:
    (target.parent / "real").mkdir()
    real = target.parent / "real/file.json"
    second = target.parent / "second"
    second.symlink_to("real/file.json")
    target.symlink_to(second)
    for content in (None, "old"):  # a link to a file that is not there yet, too
        if content is not None:
            real.write_text(content)
        filled("export", "-o", str(target))
        assert whole(real, filled)
        assert (target.is_symlink(), second.is_symlink()) == (True, True)
    assert [file.name for file in real.parent.iterdir()] == ["file.json"]


def test_a_loop_of_links_is_refused(filled: Todo, target: Path) -> None:
    target.symlink_to(target.name)
    assert filled.run("export", "-o", str(target)).code == 2
    assert target.is_symlink()


@pytest.mark.parametrize("name", ["/dev/null", "/dev/stdout", "/dev/stderr", "/dev/fd/1", "/proc/self/fd/1"])
def test_devices_and_open_files_are_written_to(filled: Todo, name: str) -> None:
    before = os.lstat(name).st_mode
    result = filled("export", "-o", name)
    wanted = filled("export").out
    assert result.out == (wanted if "stdout" in name or "fd" in name else "")
    assert (wanted in result.err) == ("stderr" in name)
    assert os.lstat(name).st_mode == before


def test_stdout_that_is_a_file_goes_on_where_it_stands(filled: Todo, target: Path) -> None:
    target.write_text("before\n")
    with target.open("ab") as file:
        subprocess.run([*PROGRAM, "export", "-o", "/dev/stdout"], env=filled.env, stdout=file, check=True)
    assert target.read_text() == "before\n" + filled("export").out


def test_a_named_pipe_stays_one_and_its_reader_gets_everything(filled: Todo, target: Path) -> None:
    os.mkfifo(target)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(target.read_text()))
    reader.start()
    filled("export", "-o", str(target))
    reader.join(20)
    assert read == [filled("export").out]
    assert target.is_fifo()


def test_a_full_device_gives_an_error(filled: Todo) -> None:
    result = filled.run("export", "-o", "/dev/full")
    assert result.code == 1
    assert "/dev/full cannot be written: No space left on device" in result.err
    assert "Exported" not in result.err


def test_a_pipe_that_its_reader_closed_is_no_error(filled: Todo) -> None:
    filled("add", "-", stdin="x\n" * 5_000)
    command = f"{sys.executable} -m cqrs_todo export -o /dev/stdout | head -c 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], env=filled.env, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("{0\n", "")


def own_names(filled: Todo) -> list[str]:
    """Names for files of the store, in many spellings."""
    home, data = filled.home, filled.data
    log = data / "lists/inbox.jsonl"
    (home / "soft").symlink_to(log)
    (home / "soft2").symlink_to("soft")
    os.link(data / "archive/work.jsonl", home / "hard")
    os.link(data / "lists/inbox.lock", home / "hard.lock")
    (home / "folder").symlink_to(data / "lists")
    (home / "root").symlink_to(data)
    (home / "dangling").symlink_to(data / "lists/new.jsonl")
    (data / "lists/below").mkdir()
    os.mkfifo(data / "lists/pipe")
    relative = os.path.relpath(data, home)
    return [
        str(log),
        f"{data}/lists/inbox.lock",
        f"{data}/lists/inbox.torn-20260101T000000000000",
        f"{data}/lists/new.jsonl",
        f"{data}/lists/.hidden",
        f"{data}/lists/below/x.json",
        f"{data}/lists/pipe",
        f"{data}/archive/work.jsonl",
        f"{data}/archive/work.lock",
        f"{data}/archive/new",
        f"{data}/x.json",
        f"{relative}/lists/inbox.jsonl",
        f"./{relative}//lists/../lists/./inbox.jsonl",
        f"out/../{relative}/lists/inbox.jsonl",
        "soft",
        "soft2",
        "hard",
        "hard.lock",
        "folder/inbox.jsonl",
        "folder/new.jsonl",
        "folder/../archive/work.jsonl",
        "root/lists/inbox.jsonl",
        "root/x",
        "dangling",
        f"/proc/self/cwd/{relative}/lists/inbox.jsonl",
        f"/proc/self/root{log}",
    ]


def test_the_files_of_the_store_are_refused_by_any_name(filled: Todo) -> None:
    (filled.home / "out").mkdir()
    names = own_names(filled)
    files = {path: path.read_bytes() for path in filled.data.rglob("*") if path.is_file()}
    for name in names:
        result = filled.run("export", "--format", "events", "-o", name)
        assert (result.code, result.out) == (2, ""), (name, result.err)
        assert "belongs to this program" in result.err, name
    assert {path: path.read_bytes() for path in filled.data.rglob("*") if path.is_file()} == files


@pytest.mark.parametrize("mode", ["rb", "r+b", "ab"])
def test_an_open_file_of_the_store_is_refused(filled: Todo, mode: str) -> None:
    before = filled.log_file().read_bytes()
    with filled.log_file().open(mode) as file:
        for name in (
            f"/proc/self/fd/{file.fileno()}",
            f"/dev/fd/{file.fileno()}",
            f"/proc/{os.getpid()}/fd/{file.fileno()}",
        ):
            done = subprocess.run(
                [*PROGRAM, "export", "-o", name], env=filled.env, pass_fds=[file.fileno()], capture_output=True, check=False
            )
            assert (done.returncode, b"belongs to this program" in done.stderr) == (2, True), (name, done.stderr)
    assert filled.log_file().read_bytes() == before


def test_the_configuration_is_refused(filled: Todo) -> None:
    config = filled.home / ".config/cqrs-todo/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('author = "Ann"\n')
    for words in (["export", "-o", str(config)], ["backup", str(config)]):
        result = filled.run(*words)
        assert (result.code, "belongs to this program" in result.err) == (2, True)
    assert config.read_text() == 'author = "Ann"\n'


def test_the_files_of_the_usual_store_are_refused_while_another_is_in_use(filled: Todo) -> None:
    filled("--store", "jsonl:other", "add", "x")
    result = filled.run("--store", "jsonl:other", "export", "-o", str(filled.log_file()))
    assert (result.code, "belongs to this program" in result.err) == (2, True)
    filled("--store", "jsonl:other", "export", "-o", "beside.json")
    assert filled.run("--store", "jsonl:other", "export", "-o", "other/lists/inbox.jsonl").code == 2


@pytest.mark.parametrize(
    "name",
    ["folder", "file/", "no/where", "x" * 300, "/" + "x/" * 3000, "", ".", "/", "..", "/proc/self/fd/999", f"{__file__}/x"],
)
def test_a_name_that_is_no_file_is_refused(filled: Todo, name: str) -> None:
    (filled.home / "folder").mkdir()
    result = filled.run("export", "-o", name)
    assert (result.code, result.out) == (2, ""), result.err


def test_names_in_any_encoding_are_written_as_they_were_given(filled: Todo) -> None:
    poor = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for env in ({}, poor):
        for raw in ("grün 雪.json".encode(), b"latin \xfc.json", b"line\nfeed\x1b.json", b"-o"):
            command = [os.fsencode(part) for part in PROGRAM] + [b"export", b"-o", raw]
            done = subprocess.run(command, env={**filled.env, **env}, cwd=filled.home, capture_output=True, check=False)
            assert done.returncode == 0, (raw, done.stderr)
            written = os.fsencode(filled.home) + b"/" + raw
            assert os.path.exists(written)
            done = subprocess.run(
                [*command[:3], b"import", b"--", raw],
                env={**filled.env, **env},
                cwd=filled.home,
                capture_output=True,
                check=False,
            )
            assert done.returncode == 0, (raw, done.stderr)
            os.unlink(written)
