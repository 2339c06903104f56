"""A month with the list: each morning the board is what was written by hand in tests/data/month.txt."""

import re
import shlex
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import time_machine

from cqrs_todo.cli import main
from cqrs_todo.cqrs.struct import Struct

MONTH = Path(__file__).parent.parent / "data/month.txt"
ZONE = "Europe/Berlin"
_COMMAND = re.compile(r"([0-9:]{5}) \$ todo (.*)")


class Day(Struct):
    """A day of the month: the board in the morning, and the commands with their times."""

    date: str
    board: str
    commands: list[tuple[str, list[str]]]


def days() -> Iterator[Day]:
    for part in MONTH.read_text().split("\n== ")[1:]:
        date, *lines = part.rstrip("\n").split("\n")
        commands = [match for line in lines if (match := _COMMAND.fullmatch(line))]
        board = "\n".join(line for line in lines if not _COMMAND.fullmatch(line))
        yield Day(date, board, [(match[1], shlex.split(match[2])) for match in commands])


def test_each_morning_the_board_is_as_it_was_written_by_hand(
    set_zone: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    set_zone(ZONE)

    def run(date: str, clock: str, *args: str) -> str:
        at = datetime.fromisoformat(f"{date}T{clock}").replace(tzinfo=ZoneInfo(ZONE))
        with time_machine.travel(at.timestamp(), tick=False):
            code = main(args)
        captured = capsys.readouterr()
        assert code == 0, (date, args, captured.err)
        return f"{captured.out}{captured.err}".rstrip("\n")

    count = 0
    for day in days():
        assert run(day.date, "08:00") == day.board, day.date
        for clock, args in day.commands:
            run(day.date, clock, *args)
        count += 1
    assert count == 31
