"""Schemathesis makes requests from the schema that the server describes, and none of them makes the server fail."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Todo
from tests.web.conftest import serving
from tests.web.tools import installed

TOOL = "schemathesis>=4.32,<5"
SECONDS = int(os.environ.get("TODO_SCHEMATHESIS", "600"))
"""How long requests are made."""
HOOKS = """
import json
import schemathesis
from hypothesis import strategies
from schemathesis.graphql import nodes

KNOWN = ["", "MA==", "W10=", "2026-03-01", "2099-01-01T00:00:00Z", "2099-01-01T00:00:00+14:00", "2026-13-45", "9" * 40]
TEXTS = strategies.sampled_from(KNOWN) | strategies.text(max_size=20)
for scalar in ("DateTimeUtc", "Cursor", "DayOrInstant", "Json"):
    schemathesis.graphql.scalar(scalar, TEXTS.map(nodes.String))


@schemathesis.check
def foreseen(context, response, case):
    assert response.status_code in (200, 400), response.text
    document = json.loads(response.text)
    codes = [error["extensions"]["code"] for error in document.get("errors") or ()]
    assert "INTERNAL" not in codes, response.text
    with open("statuses", "a") as statuses:
        statuses.write(f"{response.status_code} {' '.join(sorted(set(codes)))}\\n")
"""


@pytest.mark.long
def test_no_request_that_schemathesis_makes_is_an_error_of_the_server(tmp_path: Path) -> None:
    programs = installed(tmp_path / "tool", TOOL)
    (tmp_path / "hooks.py").write_text(HOOKS)
    with serving(Todo(tmp_path / "home"), "--prefill", "30") as server:
        command = [programs / "schemathesis", "run", server.document["graphql"], "--max-time", str(SECONDS)]
        options = ["--checks", "foreseen", "--generation-database", "none", "--continue-on-failure", "--no-color"]
        header = ["--header", f"Authorization: Bearer {server.token}"]
        env = {**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(tmp_path)}
        done = subprocess.run(
            [*command, *options, *header], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-5_000:] + done.stderr
        assert server.todo.run("verify").code == 0, "what was recorded is valid"
    statuses = (tmp_path / "statuses").read_text().splitlines()
    assert any(line.startswith("200") for line in statuses)
    assert any(line.startswith("400") for line in statuses)
