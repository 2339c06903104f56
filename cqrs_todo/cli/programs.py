"""Running a program of the person's choice: without a shell, for a limited time, in a small environment."""

import os
import select
import signal
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..cqrs.struct import Struct

if TYPE_CHECKING:
    import subprocess

MOST_OUTPUT = 64 * 1024
"""How many bytes of the output of a program are kept: the last ones."""
GRACE = 2.0
"""How many seconds a program has between SIGTERM and SIGKILL."""
_PASSED_ON = ("HOME", "PATH", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TERM")
_DESKTOP = ("DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY")
_BEGINNINGS = ("LC_", "XDG_")


class ProgramFailed(Exception):
    """A program could not be run, or ended with an error. The text says why."""


class Ended(Struct, frozen=True):
    """How a program ended.

    Args:
        failure: What went wrong, in words; '' if it succeeded.
        output: The end of what it printed on stdout and stderr.
    """

    failure: str
    output: bytes


def environment() -> dict[str, str]:
    """Return the environment of a program: what it needs to find files, speak the language, and show notifications."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED_ON or name in _DESKTOP or name.startswith(_BEGINNINGS)
    }
    bus = f"/run/user/{os.getuid()}/bus"
    if "DBUS_SESSION_BUS_ADDRESS" not in kept and os.path.exists(bus):  # cron sets no variable for it
        kept["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={bus}"
    return kept


def run_program(command: Sequence[str], stdin: bytes, timeout: float, variables: Mapping[str, str] | None = None) -> Ended:
    """Run a program to its end.

    It has ended when nothing that it started holds its output any longer. When the time is over, its process group gets
    SIGTERM, and then SIGKILL.

    Args:
        command: The program and its arguments.
        stdin: What it reads from stdin.
        timeout: For how many seconds it may run.
        variables: Variables that it finds in its environment beside the usual ones.
    """
    import subprocess  # both take long to import, and a reaction that does not match runs no program
    import tempfile

    env = {**environment(), **(variables or {})}
    home = env.get("HOME", "")
    with tempfile.TemporaryFile() as document:  # a pipe would fill up if the program does not read it
        document.write(stdin)
        document.seek(0)
        try:
            process = subprocess.Popen(
                list(command),
                stdin=document,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=home if os.path.isdir(home) else "/",
                start_new_session=True,
            )
        except FileNotFoundError:
            return Ended(f"there is no program {command[0]!r}", b"")
        except OSError as error:
            return Ended(f"{command[0]!r} cannot be run: {error.strerror}", b"")
    try:
        return _end(process, timeout)
    except BaseException:  # the runner is being ended: its program must not go on alone
        _kill_group(process, signal.SIGKILL)
        process.wait()
        raise


def _end(process: "subprocess.Popen[bytes]", timeout: float) -> Ended:
    """Wait for the end of a program, or end it when its time is over."""
    assert process.stdout is not None  # it was given a pipe
    tail = bytearray()
    with process.stdout as output:
        fd, until = output.fileno(), time.monotonic() + timeout
        # the process is not reaped before its group may have to be killed, so that nobody else gets its number
        is_late = not (_read(fd, tail, until) and _has_ended(process, until))
        if is_late:
            _kill_group(process, signal.SIGTERM)
            until = time.monotonic() + GRACE
            if not (_read(fd, tail, until) and _has_ended(process, until)):
                _kill_group(process, signal.SIGKILL)
    code = process.wait()
    if is_late:
        return Ended(f"it was ended after {timeout:g} s", bytes(tail))
    if code < 0:
        return Ended(f"it was ended by {_name(-code)}", bytes(tail))
    return Ended(f"exit code {code}" if code else "", bytes(tail))


def _read(fd: int, tail: bytearray, until: float) -> bool:
    """Read a pipe, and keep the end of what was read. Returns whether all writers closed it in time."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    while (left := until - time.monotonic()) > 0:
        if not poll.poll(left * 1000):
            continue
        part = os.read(fd, MOST_OUTPUT)
        if not part:
            return True
        tail += part
        del tail[:-MOST_OUTPUT]
    return False


def _has_ended(process: "subprocess.Popen[bytes]", until: float) -> bool:
    """Wait for a process without reaping it. Returns whether it ended in time."""
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True


def _kill_group(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):  # all of them have ended; macOS says that it is not permitted
        return


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
