"""`todo sync` over a folder that two real Syncthing programs share on this machine, with conflict copies provoked."""

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Todo

SYNCTHING = shutil.which("syncthing")
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(SYNCTHING is None, reason="there is no Syncthing here: apt-get install syncthing"),
]
_OFF = (
    "globalAnnounceEnabled",
    "localAnnounceEnabled",
    "relaysEnabled",
    "natEnabled",
    "startBrowser",
    "crashReportingEnabled",
)


class Syncthing:
    """A Syncthing of one's own, which shares one folder and can be reached on this machine only."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = home / "shared"
        self.folder.mkdir(parents=True)
        self.port, self.gui = _free_port(), _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        _syncthing("generate", f"--home={home}", "--no-default-folder")
        self.id = _syncthing(f"--home={home}", "--device-id").strip()

    def configure(self, other: "Syncthing", conflict_copies: int) -> None:
        """Share the folder with another one.

        Args:
            other: The other one.
            conflict_copies: How many conflict copies of a file are kept.
        """
        path = self.home / "config.xml"
        tree = ET.parse(path)
        root = tree.getroot()
        options = _child(root, "options")
        for name in _OFF:
            _child(options, name).text = "false"
        _child(options, "reconnectionIntervalS").text = "1"
        for each in options.findall("listenAddress"):
            options.remove(each)
        ET.SubElement(options, "listenAddress").text = f"tcp://127.0.0.1:{self.port}"
        gui = _child(root, "gui")
        _child(gui, "address").text = f"127.0.0.1:{self.gui}"
        self._key = _child(gui, "apikey").text or ""
        device = ET.SubElement(root, "device", id=other.id, name="other", compression="metadata")
        ET.SubElement(device, "address").text = f"tcp://127.0.0.1:{other.port}"
        shared = ET.SubElement(root, "folder", id="todo", label="todo", path=str(self.folder), type="sendreceive")
        shared.attrib |= {"rescanIntervalS": "3600", "fsWatcherEnabled": "true", "fsWatcherDelayS": "1"}
        for program in (self, other):
            ET.SubElement(shared, "device", id=program.id)
        ET.SubElement(shared, "maxConflicts").text = f"{conflict_copies}"
        tree.write(path)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [SYNCTHING or "", "serve", f"--home={self.home}", "--no-browser", "--no-upgrade", "--no-restart"]
        with (self.home / "output").open("ab") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=output)
        wait_for(self._answers)

    def stop(self) -> None:
        """Stop it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None

    def scan(self) -> None:
        """Look for changed files now."""
        self._ask("/rest/db/scan?folder=todo", method="POST")

    def has_all(self, other: "Syncthing") -> bool:
        """Whether nothing is left to be copied in either direction."""
        for one, device in ((self, other.id), (other, self.id)):
            one.scan()
            done = one._ask(f"/rest/db/completion?folder=todo&device={device}")
            if done["completion"] != 100 or one._ask("/rest/db/status?folder=todo")["needTotalItems"]:
                return False
            if not one._ask("/rest/system/connections")["connections"][device]["connected"]:
                return False
        return {path.name for path in self._files()} == {path.name for path in other._files()} and all(
            path.read_bytes() == (other.folder / path.name).read_bytes() for path in self._files()
        )

    def _files(self) -> list[Path]:
        return [path for path in self.folder.iterdir() if not path.name.startswith(".")]

    def _answers(self) -> bool:
        try:
            return bool(self._ask("/rest/system/ping"))
        except (urllib.error.URLError, ConnectionError):
            return False

    def _ask(self, path: str, method: str = "GET") -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.gui}{path}", headers={"X-API-Key": self._key}, method=method
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            content = answer.read()
        return json.loads(content) if content else None


def _syncthing(*args: str) -> str:
    return subprocess.run([SYNCTHING or "", *args], check=True, capture_output=True, text=True).stdout


def _child(parent: ET.Element, name: str) -> ET.Element:
    found = parent.find(name)
    return ET.SubElement(parent, name) if found is None else found


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def wait_for(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.5)


@pytest.fixture(params=[10, 0], ids=["keeping conflict copies", "keeping none"])
def pair(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Syncthing, Syncthing]]:
    one, two = Syncthing(tmp_path / "syncthing-one"), Syncthing(tmp_path / "syncthing-two")
    one.configure(two, request.param)
    two.configure(one, request.param)
    try:
        one.start()
        two.start()
        yield one, two
    finally:
        one.stop()
        two.stop()


def test_two_homes_and_a_copied_one_become_equal(
    pair: tuple[Syncthing, Syncthing], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    here, there = pair
    one, two = Todo(tmp_path / "one"), Todo(tmp_path / "two")
    places = {one: here, two: there}

    def sync(*homes: Todo) -> None:
        for home in homes:
            home("sync", f"folder:{places[home].folder}", "--join")
            wait_for(lambda: here.has_all(there))

    one("add", "Of one")
    two("add", "Of two")
    sync(one, two, one)
    assert one.log_file().read_bytes() == two.log_file().read_bytes()
    # a copy of the first home on the second machine writes a file of the same name while the two are not connected
    copied = Todo(tmp_path / "copied")
    shutil.copytree(one.home, copied.home, dirs_exist_ok=True)
    state = copied.home / ".local/state/cqrs-todo/sync.json"
    state.write_text(state.read_text().replace(str(here.folder), str(there.folder)))
    places[copied] = there
    here.stop()
    there.stop()
    one("add", "While apart, by one")
    copied("add", "While apart, by the copy")
    two("add", "While apart, by two")
    for home in (one, copied, two):
        home("sync", f"folder:{places[home].folder}")
    for program in (here, there):  # each of them sees its own changes before they are connected again
        program.start()
        program.scan()
        program.stop()
    here.start()
    there.start()
    wait_for(lambda: here.has_all(there))
    conflicts = [path for path in here.folder.iterdir() if ".sync-conflict-" in path.name]
    keeps_none = "keeping none" in request.node.name
    assert bool(conflicts) is not keeps_none, "Syncthing leaves a conflict copy, or overwrites one of the two"
    for _ in range(3):
        sync(one, two, copied)
    assert one.log_file().read_bytes() == two.log_file().read_bytes() == copied.log_file().read_bytes()
    apart = [f"While apart, by {who}" for who in ("one", "the copy", "two")]
    assert sorted(todo["text"] for todo in one.todos()) == sorted(["Of one", "Of two", *apart])
    assert "intact" in one("verify").out
