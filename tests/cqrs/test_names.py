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


CANT_HOLD = "a log's name cannot contain {}: use letters, digits, space, '.', '_' or '-'"
CANT_BEGIN = "a log's name cannot begin with '.' or '-', or begin or end with a space: {}"
DEVICE = "a log's name cannot be {}, because that is a device on some systems"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "a log's name cannot be empty"),
        ("x" * 65, "a log's name has at most 64 characters, but this one has 65"),
        ("ü" * 65, "a log's name has at most 64 characters, but this one has 65"),
        ("𝟘" * 51, "a log's name has at most 200 bytes in UTF-8, so that file systems can hold it"),
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
    assert (error.name, str(error)) == ("inbox", "there is a log named 'inbox' already")
