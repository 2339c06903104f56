"""Which names logs can have, to the last character, and what is said of the others."""

import pytest

from cqrs_todo.cqrs.errors import InvalidLogName, LogExists
from cqrs_todo.cqrs.names import check_log_name


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("x", "x"),
        ("x" * 64, "x" * 64),
        ("ü" * 64, "ü" * 64),
        ("e\u0301", "é"),
        ("雪" * 64, "雪" * 64),
        ("𝟘" * 50, "𝟘" * 50),
        ("a.b c-d_e", "a.b c-d_e"),
        ("L", "L"),
        ("X", "X"),
        ("XX", "XX"),
        ("console", "console"),
    ],
)
def test_a_name_that_can_be(name: str, normal: str) -> None:
    assert check_log_name(name) == normal


CANT_HOLD = "a list's name can't hold {}: use letters, digits, space, '.', '_' or '-'"
CANT_BEGIN = "a list's name can't begin with '.' or '-' or begin or end with a space: {}"
DEVICE = "{} is the name of a device on some systems: choose another name for the list"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "a list's name can't be empty"),
        ("x" * 65, "a list's name has at most 64 characters, this one 65"),
        ("ü" * 65, "a list's name has at most 64 characters, this one 65"),
        ("𝟘" * 51, "a list's name has at most 200 bytes in UTF-8, which file systems can hold"),
        ("a/b", CANT_HOLD.format("'/'")),
        ("a\tb", CANT_HOLD.format(r"'\t'")),
        ("\ud800", CANT_HOLD.format(r"'\ud800'")),
        (".x", CANT_BEGIN.format("'.x'")),
        ("-x", CANT_BEGIN.format("'-x'")),
        (" x", CANT_BEGIN.format("' x'")),
        ("x ", CANT_BEGIN.format("'x '")),
        ("NUL", DEVICE.format("'NUL'")),
        ("com1.txt", DEVICE.format("'com1.txt'")),
    ],
)
def test_a_name_that_cant_be(name: str, words: str) -> None:
    with pytest.raises(InvalidLogName) as caught:
        check_log_name(name)
    assert str(caught.value) == words


def test_an_error_knows_the_name() -> None:
    error = LogExists("inbox")
    assert (error.name, str(error)) == ("inbox", "there is a list named 'inbox' already")
