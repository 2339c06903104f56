"""Remedies: what the command line says about errors of the service, which hold only data."""

import pytest

from cqrs_todo.cli.remedies import remedy
from cqrs_todo.todo.errors import (
    DamagedHere,
    DamagedRemote,
    MovedElsewhere,
    NameTaken,
    Obstacle,
    SentPerhaps,
    StepRefused,
    TakenHere,
    TakenThere,
    TwoLists,
    UnreadCopy,
)
from cqrs_todo.todo.request_errors import CommandIdTaken, NoVersionToExpect, StateNotKept, UnexpectedState

HUB = "jsonl:/mnt/my hub"

REMEDIES = [
    (DamagedHere("x", "my list"), "repair it, and sync again: todo -L 'my list' verify --repair, then todo sync"),
    (DamagedRemote("x", HUB, "home"), "see what can be done: todo --store 'jsonl:/mnt/my hub' -L home verify"),
    (
        UnreadCopy("x", "desk"),
        "if it has not arrived completely, sync again later; if it has, delete it, and run todo sync on desk",
    ),
    (
        UnreadCopy("x", ""),
        (
            "if it has not arrived completely, sync again later; if it has, delete it, and run todo sync on the machine "
            "that wrote it"
        ),
    ),
    (
        TakenThere(HUB, "my list", "My list", archived=False, free="my list-2"),
        "rename the list here, and sync again: todo lists rename 'my list' 'my list-2' && todo sync",
    ),
    (
        TakenThere(HUB, "home", "home", archived=True, free="home-2"),
        (
            "rename the list here, and sync again: todo lists rename home home-2 && todo sync; or use the other one again: "
            "todo --store 'jsonl:/mnt/my hub' lists unarchive home"
        ),
    ),
    (
        TakenHere(HUB, "home", "Home", "home-2"),
        (
            "give that one another name, and sync again: todo lists unarchive Home && todo lists rename Home home-2 && "
            "todo lists archive home-2 && todo sync"
        ),
    ),
    (TwoLists("folder:x", "home"), "sync again to join them, or to keep them apart: todo sync"),
    (SentPerhaps("x"), "sync again: no commit is sent twice"),
    (NameTaken(HUB, "home", "home"), "choose another name"),
    (
        StepRefused(3, "undo", "undone", "x", [MovedElsewhere("x", "my list", 2, "home"), Obstacle("y")]),
        (
            "to move it to home: todo -L 'my list' move 2 home; an earlier command can be undone alone, by its position: "
            "see todo history"
        ),
    ),
    (StepRefused(3, "redo", "redone", "x"), None),
    (CommandIdTaken("x"), "give each command an id of its own, and send only the same command again with the same id"),
    (UnexpectedState("x"), "see what was recorded last: todo history -n 3"),
    (UnexpectedState("x", [3, 5]), "see what happened: todo show 3 5"),
    (StateNotKept("x"), "add fewer todos at a time, or leave out --expect"),
    (NoVersionToExpect(2, 7), "give the last position of the list instead: --expect @7"),
]


@pytest.mark.parametrize(("error", "wanted"), REMEDIES, ids=lambda value: type(value).__name__)
def test_what_to_do_about_an_error(error: Exception, wanted: str | None) -> None:
    assert remedy(error, "try again") == wanted
