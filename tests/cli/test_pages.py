"""The commands in the pages about backups and about histories in git print what the pages say."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.conftest import Todo
from tests.readme import play_page

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    ("page", "least"),
    [
        ("backup.md", 6),
        pytest.param(
            "git-history.md", 8, marks=pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
        ),
    ],
)
def test_the_commands_in_a_page_print_what_it_says(page: str, least: int, todo: Todo) -> None:
    programs = todo.home / "bin"
    programs.mkdir()
    # the digest of the head is another one in each run
    (programs / "todo").write_text(
        f'#!/bin/sh\n"{sys.executable}" -m cqrs_todo "$@" >out 2>err\ncode=$?\n'
        "sed 's/head [0-9a-f]*…/head HEAD…/' out\ncat err >&2\nexit $code\n"
    )
    (programs / "todo").chmod(0o700)
    env = {**todo.env, "PATH": f"{programs}:{os.environ['PATH']}", "GIT_CONFIG_NOSYSTEM": "1"}
    assert play_page(DOCS / page, env, todo.home) >= least
