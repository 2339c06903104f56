"""A password in the URL of a store is written nowhere: not to stdout, not to stderr, not to any file."""

import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from cqrs_todo.cli.report import report
from cqrs_todo.cqrs.stores.passwords import hidden, secrets_in, without_password
from tests.conftest import Todo

SECRET = "s3cret"
SPLIT = "s3?cret"
"""A password that libpq takes as it is, with a '?' in it."""

Given = tuple[Sequence[str], Mapping[str, str], str]
"""Words before the verb, the environment, and the configuration file."""


def _with(url: str, user: str = "", query: str = "") -> str:
    """The URL of the server, with something after the name of the user, and some more parameters."""
    start, _, rest = url.partition("://")
    name, _, rest = rest.partition("@")
    return f"{start}://{name.rstrip(':')}{user}@{rest}{query}"


def _option(**how: str) -> Callable[[str], Given]:
    return lambda url: (("--store", _with(url, **how)), {}, "")


FORMS: dict[str, Callable[[str], Given]] = {
    "after the user": _option(user=f":{SECRET}"),
    "as a parameter": _option(query=f"&password={SECRET}"),
    "twice": _option(user=f":{SECRET}", query=f"&password={SECRET}"),
    "as a parameter whose name is encoded": _option(query=f"&pass%77ord={SECRET}"),
    "encoded": _option(user=":s3%63ret"),
    "encoded as a parameter": _option(query="&password=s3%63%72et"),
    "with a question mark": _option(user=f":{SPLIT}"),
    "with signs of the shell": _option(user=f":{SECRET}'$(x)!;&"),
    "for a key": _option(query=f"&sslpassword={SECRET}"),
    "after postgres://": lambda url: (("--store", _with(url, f":{SECRET}").replace("postgresql:", "postgres:")), {}, ""),
    "in one word with the option": lambda url: ((f"--store={_with(url, f':{SECRET}')}",), {}, ""),
    "in the environment": lambda url: ((), {"TODO_STORE": _with(url, f":{SECRET}")}, ""),
    "as a parameter in the environment": lambda url: ((), {"TODO_STORE": _with(url, query=f"&password={SECRET}")}, ""),
    "in the configuration": lambda url: ((), {}, _with(url, f":{SECRET}")),
    "as a parameter in the configuration": lambda url: ((), {}, _with(url, query=f"&password={SECRET}")),
}
VERBS: Sequence[Sequence[str]] = (
    ("add", "y"),
    ("where", "--json"),
    ("lists", "new", "work"),
    ("move", "1", "work"),
    ("verify",),
    ("done", "99"),
    ("store", "migrate"),
    ("--at", "yesterday", "add", "x"),
    ("nonsense",),
)
SIGNS = (SECRET, "s3%63ret", "s3%63%72et", SPLIT)


def _nothing_leaked(todo: Todo, output: str, signs: Sequence[str] = SIGNS) -> None:
    for sign in signs:
        assert sign not in output
        for folder, _, files in os.walk(todo.home):
            for name in files:
                path = Path(folder, name)
                if path.name != "config.toml":
                    assert sign.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("form", FORMS)
def test_a_password_is_not_repeated(todo: Todo, database: str, form: str) -> None:
    words, environment, configured = FORMS[form](database)
    todo.env.pop("TODO_STORE", None)
    todo.env |= environment
    if configured:
        (todo.home / ".config/cqrs-todo").mkdir(parents=True)
        (todo.home / ".config/cqrs-todo/config.toml").write_text(f'store = "{configured}"\n')
    codes = set()
    for verb in VERBS:
        ended = todo.run(*words, *verb)
        codes.add(ended.code)
        _nothing_leaked(todo, ended.out + ended.err)
    assert codes == {0, 2, 3}


def test_the_undo_hint_works_without_the_password(todo: Todo, database: str) -> None:
    todo.env.pop("TODO_STORE", None)
    added = todo("--store", _with(database, f":{SECRET}", "&password=s3cret"), "add", "y")
    hint = shlex.split(added.out.partition(". Undo: ")[2])
    assert hint == ["todo", "--store", _with(database), "undo"]
    assert todo(*hint[1:]).out.startswith("Undid")
    assert todo("--store", database, "ls", "--json").json["todos"] == []


WRONG = {
    "a slash": f"postgresql://me:{SECRET}/x@localhost/lists",
    "an at sign": f"postgresql://me:x@{SECRET}@localhost/lists",
    "an at sign and a question mark": f"postgresql://me:x@/?{SECRET}@localhost/lists",
    "a percent sign": f"postgresql://me:{SECRET}%zz@localhost/lists",
    "no host": f"postgresql://me:{SECRET}",
    "one slash": f"postgresql:/me:{SECRET}@localhost/lists",
    "no slash": f"postgresql:me:{SECRET}@localhost/lists",
    "no scheme": f"me:{SECRET}@localhost/lists",
    "another scheme": f"postgresql+psycopg://me:{SECRET}@localhost/lists",
    "no colon": f"postgresql//me:{SECRET}@localhost/lists",
    "a string of libpq": f"host=localhost password={SECRET}",
    "a quoted string of libpq": f"host=localhost password='{SECRET} {SECRET}'",
    "a host that is none": f"postgresql://me:{SECRET}@a..b/lists",
    "a port that is none": f"postgresql://me:{SECRET}@localhost:none/lists",
    "a parameter that is none": f"postgresql://me:{SECRET}@localhost/lists?nonsense=1",
    "a number that is none": f"postgresql://me:{SECRET}@localhost/lists?connect_timeout=x",
    "bytes that are not text": f"postgresql://me:{SECRET}\udcff@localhost/lists",
    "nobody there": f"postgresql://me:{SECRET}@127.0.0.1:1/lists",
    "no such host": f"postgresql://me:{SECRET}@nowhere.invalid/lists",
    "no such host, as a parameter": f"postgresql://nowhere.invalid/lists?password={SECRET}",
}
PLACES: dict[str, Callable[[str], tuple[Sequence[str], Mapping[str, str]]]] = {
    "the environment": lambda url: (("ls",), {"TODO_STORE": url}),
    "an argument": lambda url: (("store", "check", url), {}),
    "an argument too many": lambda url: (("store", "migrate", url), {"TODO_STORE": "jsonl:~/x"}),
    "a verb": lambda url: ((url, "ls"), {}),
    "an id": lambda url: (("done", url), {}),
    "an option that is none": lambda url: ((f"--stoer={url}", "ls"), {}),
    "the name of a list": lambda url: (("-L", url, "ls"), {}),
    "a time": lambda url: (("--at", url, "ls"), {}),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_url_is_refused_without_its_password(todo: Todo, wrong: str) -> None:
    ended = todo.run("--store", WRONG[wrong], "add", "y")
    assert ended.code == (6 if wrong.startswith("no such host") or wrong == "nobody there" else 2)
    _nothing_leaked(todo, ended.out + ended.err)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("wrong", ["nobody there", "a slash", "a string of libpq", "bytes that are not text"])
def test_a_url_in_the_wrong_place_is_refused_without_its_password(todo: Todo, wrong: str, place: str) -> None:
    words, environment = PLACES[place](WRONG[wrong])
    todo.env.pop("TODO_STORE", None)
    ended = todo.run(*words, env=environment)
    assert ended.code in (1, 2, 3, 6)
    _nothing_leaked(todo, ended.out + ended.err)


def test_the_configuration_is_not_repeated(todo: Todo) -> None:
    todo.env.pop("TODO_STORE", None)
    (todo.home / ".config/cqrs-todo").mkdir(parents=True)
    file = todo.home / ".config/cqrs-todo/config.toml"
    url = f"postgresql://me:{SECRET}@localhost/lists"
    for content in (
        f'store = ["{url}"]',
        f'"{url}" = 1',
        f"store = {url}",
        f'store = "{url}',
        f'store = "{url}\\q"',
        f'store = "{url}\\u0000"',
        f'[store]\nurl = "{url}"',
        f'store = "{url}"\nstore = "{url}"',
    ):
        file.write_text(content)
        ended = todo.run("add", "x")
        assert ended.code == 2, content
        _nothing_leaked(todo, ended.out + ended.err)


@pytest.mark.parametrize("place", ["argv", "environment", "configuration"])
@pytest.mark.parametrize("repeated", ["url", "password", "decoded"])
def test_an_error_report_holds_no_password(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    place: str,
    repeated: str,
) -> None:
    url = "postgresql://me:s3%63ret@localhost/lists?password=0ther"
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "TODO_STORE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["todo", "--store", url, "ls"] if place == "argv" else ["todo", "ls"])
    if place == "environment":
        monkeypatch.setenv("TODO_STORE", url)
    if place == "configuration":
        (tmp_path / ".config/cqrs-todo").mkdir(parents=True)
        (tmp_path / ".config/cqrs-todo/config.toml").write_text(f'store = "{url}"')
    said = {"url": url, "password": "the s3%63ret and the 0ther", "decoded": "the (s3cret)"}[repeated]
    try:
        raise ValueError(said)
    except ValueError as cause:
        error = RuntimeError(f"it was {said!r}")
        error.__cause__ = cause
    assert report(error, None, as_json=place == "environment") == 70
    printed = capsys.readouterr().err
    (kept,) = (tmp_path / ".local/state/cqrs-todo").glob("error-*.txt")
    assert "RuntimeError" in kept.read_text()
    for text in (printed, kept.read_text()):
        for secret in ("s3cret", "s3%63ret", "0ther"):
            assert secret not in text


def test_what_is_no_password_stays() -> None:
    for text in (
        "postgresql://jo@127.0.0.1:1/lists: connection refused, ask admin@example.org",
        'postgresql://localhost:5432/lists: role "a@b" does not exist',
        "postgresql://[::1]:5432/lists?application_name=a@b",
        "postgresql:///: connection is bad: no such file\nask admin@example.org",
        "postgresql:///?service=nope: connection is bad",
        "postgresql://localhost: connection is bad",
        "postgresql://localhost:",
        "use jsonl:DIR, postgresql://HOST/DATABASE, memory: or null:",
        "no todo 'call me: at 5@work'",
    ):
        assert hidden(text) == text
    for url in ("jsonl:/home/me/lists", "postgresql://me@h:5432/x?sslmode=require", "postgresql://[::1]/x"):
        assert without_password(url) == url
        assert secrets_in([url]) == set()
