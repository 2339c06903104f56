r"""Editing one todo as a text file in the person's own editor, which `todo edit 3` does.

The file has one line for each field, a blank line, and the note. A field or note that holds characters which a line or a
terminal cannot show, such as a line feed in the text, is written with backslash escapes, and a comment says so. All other
texts are written as they are, backslashes included: `C:\new` is five ordinary characters and a backslash.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..cqrs.errors import CqrsError
from ..cqrs.struct import Struct
from ..todo.errors import NotFound
from ..todo.fields import ATTRIBUTES, FIELDS, NOTE, TEXT, Declared, SetField, Todo
from ..todo.recorder import Answer
from ..todo.values import attribute_named
from ..todo.views import Item, Label, display_attribute, display_value
from .clock import to_local
from .errors import UsageError
from .fields import Given, clears_a_field, read_attribute, read_fields, read_todos, settable_attributes
from .output import print_message
from .session import Session
from .text import visible

_ESCAPE = re.compile(r"\\(\\|[ntre]|x[0-9a-f]{2}|u[0-9a-f]{4})")
_SHORT = {"\\": "\\", "n": "\n", "t": "\t", "r": "\r", "e": "\x1b"}


class EditorFailed(CqrsError):
    """The editor ended with an error. Nothing was changed."""


class Shown(Struct, frozen=True):
    """A value as it is written in the file, and whether it is written with escapes."""

    text: str
    escaped: bool = False

    def meant(self, text: str) -> str:
        """Return the value that a text means, if a person wrote it in place of this one."""
        return _ESCAPE.sub(_unescape, text) if self.escaped else text


def _unescape(match: re.Match[str]) -> str:
    code = match[1]
    return _SHORT.get(code) or chr(int(code[1:], 16))


def _hex(char: str) -> str:
    return f"\\x{ord(char):02x}" if ord(char) < 0x100 else f"\\u{ord(char):04x}"


def _escaped(text: str) -> str:
    return "".join("\\\\" if char == "\\" else visible(char) for char in text)


def show_line(text: str) -> Shown:
    """Return a text on one line, so that editors, and the parsing of the file, keep every character."""
    inner = text.strip()
    if text == inner and visible(text) == text:
        return Shown(text)
    start = text.index(inner)
    before, after = text[:start], text[start + len(inner) :]
    return Shown("".join(map(_hex, before)) + _escaped(inner) + "".join(map(_hex, after)), escaped=True)


def show_words(words: tuple[str, ...], marker: str) -> Shown:
    """Return the words of a set on one line, separated by spaces; a person may write the marker before a word."""
    marked = [word for word in words if marker and word.startswith(marker)]  # read again without its beginning
    if not marked and all(visible(word) == word and [word] == word.split() for word in words):
        return Shown(" ".join(words))
    # a log from another program may hold words with spaces, which this program refuses
    shown = ["".join(_hex(char) if char.isspace() else char for char in _escaped(word)) for word in words]
    shown = [f"{_hex(text[0])}{text[1:]}" if word in marked else text for word, text in zip(words, shown, strict=True)]
    return Shown(" ".join(shown), escaped=True)


def show_note(note: str) -> Shown:
    """Return a note with its line feeds and tabs as they are."""
    if all(char in "\n\t" or visible(char) == char for char in note):
        return Shown(note)
    return Shown("".join(char if char in "\n\t" else _escaped(char) for char in note), escaped=True)


class Sheet:
    """The file in which a person edits a todo, and what the person changed."""

    def __init__(self, todo: Todo, label: Label) -> None:
        self._todo = todo
        self._heads = {field.name: _show(field, getattr(todo, field.name), label) for field in FIELDS if field is not NOTE}
        self._note = show_note(todo.note or "")
        escaped = [name for name, shown in self._heads.items() if shown.escaped] + ["note"] * self._note.escaped
        names = ", ".join(escaped)
        self._comment = (
            f"# With escapes: {names}. In these, \\n is a line break and \\\\ is a backslash." if escaped else None
        )

    def written(self) -> str:
        """Return the file's content. It ends with a line feed, which many editors would add otherwise."""
        lines = [f"{name}: {shown.text}".rstrip() for name, shown in self._heads.items()]
        if self._comment is not None:
            lines.insert(0, self._comment)
        note = f"{self._note.text}\n" if self._note.text else ""
        return "\n".join(lines) + "\n\n" + note

    def read(self, content: str) -> tuple[dict[str, str], str | None]:
        """Return the fields that a person changed, by name, as they wrote them, and the note if they changed that.

        A file without any text changes nothing: to empty it is how people cancel in other programs.

        Raises:
            UsageError: A line above the note is not one of the fields, or a field is there twice or below a blank line.
        """
        if not content.strip():
            return {}, None
        values: dict[str, str] = {}
        lines = content.split("\n")
        blank = next((number for number, line in enumerate(lines) if not line.strip()), len(lines))
        for line in lines[:blank]:
            if line == self._comment:
                continue
            name, colon, value = line.partition(":")
            name = name.strip().lower()
            if not colon or name not in self._heads:
                raise UsageError(
                    f"the edited text has the line {line!r}, which is not a field",
                    f"the fields are {', '.join(self._heads)}; the note follows after a blank line",
                )
            if name in values:
                raise UsageError(f"the edited text has two lines for {name}", "keep one of them")
            values[name] = value.strip()
        self._check_rest(lines[blank + 1 :], values)
        changed = {name: value for name, value in values.items() if value != self._heads[name].text}
        return changed, self._read_note("\n".join(lines[blank + 1 :]))

    def _check_rest(self, lines: Sequence[str], values: Container[str]) -> None:
        """Raise `UsageError` if what should be the note begins with a field, because a line above it was emptied.

        Args:
            lines: The lines after the first blank one.
            values: The fields of the lines before it.
        """
        first = next(filter(str.strip, lines), "")
        name = first.partition(":")[0].strip().lower()
        old = next(filter(str.strip, self._note.text.split("\n")), "")
        if ":" in first and name in self._heads and name not in values and first != old:
            raise UsageError(
                f"the edited text has a blank line above the line of {name}, and the note begins after the first blank line",
                "remove the blank line; to clear a field, leave the name of the field and the colon in its line",
            )

    def _read_note(self, content: str) -> str | None:
        before = self._todo.note or ""
        note = self._note.meant(content.removesuffix("\n"))
        if note == before:
            return None
        if not before or not note.strip("\n"):
            note = note.rstrip("\n")  # blank lines alone make no note
        return None if note == before else note

    def meant(self, changed: Mapping[str, str]) -> dict[str, str]:
        """Return the values that a person wrote, without their escapes."""
        return {name: self._heads[name].meant(value) for name, value in changed.items()}

    def words(self, field: SetField, line: str) -> tuple[str, ...]:
        """Return the words of a set in a line that a person wrote; its marker before a word is allowed."""
        return tuple(self._heads[field.name].meant(word.removeprefix(field.marker)) for word in line.split())


def _show(field: Declared, value: Any, label: Label) -> Shown:
    """Return the value of a field as it is written in its line."""
    if field.kind == "words":
        return show_words(value, field.marker)
    return show_line(display_value(field, value, to_local, label)) if value else Shown("")


def edited(session: Session, item: Item, apply: Callable[[Given], Answer]) -> Answer:
    """Let a person change a todo in their editor.

    If the change is refused or cannot be parsed, the file with what they wrote is kept, and its path is printed.

    Args:
        session: This run of the program.
        item: The todo.
        apply: Makes the changes that the person made in the file.

    Returns:
        What was recorded.

    Raises:
        EditorFailed: The editor ended with an error.
        UsageError: The editor cannot be run, or needs a terminal and there is none, or the text cannot be parsed.
        CqrsError: The change is refused, or cannot be recorded.
    """
    editor = _editor()
    sheet = Sheet(item.todo, session.list.label)
    before = sheet.written().encode()
    folder = Path(tempfile.mkdtemp(prefix="todo-"))
    file = folder / "todo.md"
    try:
        file.write_bytes(before)
        _run_editor(editor, file)
        answer = apply(_read_changes(session, item, sheet, _read(file)))
    except (CqrsError, KeyboardInterrupt):
        if file.is_file() and file.read_bytes() != before:
            print_message(session, f"What you wrote is kept in {file}")
        else:
            shutil.rmtree(folder)
        raise
    shutil.rmtree(folder)
    return answer


_NEED_A_TERMINAL = re.compile(
    r"n?vim?(\.\w+)?|nvi|elvis|vile|busybox|r?nano|pico|micro|joe|jmacs|jstar|jpico|jed|ne|zile|mg|hx|helix|kak|mcedit|dte|tilde"
)
"""Editors that draw on a terminal. Without one, they wait for ever or write escape codes into the output."""


def _check_terminal(editor: str) -> None:
    """Raise `UsageError` if an editor needs a terminal, and there is none.

    Like git and jj, this runs any other editor without a terminal: it may open a window, or be a script.
    """
    if all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        return
    command = shlex.split(editor)
    if not command or _NEED_A_TERMINAL.fullmatch(os.path.basename(command[0])):
        raise UsageError(
            f"the editor {editor!r} needs a terminal, and this command has none; nothing was changed",
            "name the change on the command line, for instance: todo edit 3 pri:H",
        )


def _editor() -> str:
    """Return the command line of the person's editor, after checking that it can be parsed and has what it needs."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        _check_terminal(editor)
    except ValueError as error:
        raise _cannot_run(editor, error) from error
    return editor


def _cannot_run(editor: str, error: Exception) -> UsageError:
    why = error.strerror if isinstance(error, OSError) else None
    if isinstance(error, ValueError):
        why = "a quotation mark in it, or a backslash at its end, is left over"
    return UsageError(
        f"the editor {editor!r} cannot be run: {why or error}", "set EDITOR, or name the change on the command line"
    )


def _run_editor(editor: str, file: Path) -> None:
    ours = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C belongs to the editor while it runs
    try:
        command = [*shlex.split(editor), str(file)]
        finished = subprocess.run(command, check=False, preexec_fn=lambda: signal.signal(signal.SIGINT, ours))
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise _cannot_run(editor, error) from error
    finally:
        signal.signal(signal.SIGINT, ours)
    if finished.returncode != 0:
        how = f"exit code {finished.returncode}" if finished.returncode > 0 else f"signal {-finished.returncode}"
        raise EditorFailed(f"the editor {editor!r} ended with {how}; nothing was changed")


def _read(file: Path) -> str:
    try:
        # an editor may end lines with CR LF; a CR that belongs to the note is written as an escape
        return file.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise UsageError(
            f"the edited text cannot be read: {why}", "nothing was changed; let the editor save it there"
        ) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"line {line} of the edited text is not UTF-8", "nothing was changed; let the editor save UTF-8"
        ) from error


@contextmanager
def _in_line(name: str) -> Iterator[None]:
    """Name the line of the file in the error for its value."""
    try:
        yield
    except (NotFound, UsageError) as error:
        error.args = (f"in the line of {name}: {error}",)
        raise


_PAIR = re.compile(r"""([^\s:]+):("(?:[^"\\]|\\.)*"|\S+)(?!\S)""")


def _read_attributes(session: Session, item: Item, line: str) -> dict[str, str | None]:
    """Read the line of attributes, such as `estimate:2h place:"Room 5"`. The value None clears one."""
    present, found = dict(item.todo.attributes), dict[str, str | None]()
    known = settable_attributes(session, present)
    rest = line
    while rest := rest.lstrip():
        match = _PAIR.match(rest)
        if match is None:
            raise UsageError(
                f"{rest!r} is not an attribute and its value", 'write, for instance: estimate:2h place:"Room 5"'
            )
        name, value, rest = match[1], match[2], rest[match.end() :]
        key, is_quoted = attribute_named(name, known) or name, value.startswith('"')
        if is_quoted:
            try:
                value = json.loads(value)
            except ValueError as error:
                raise UsageError(
                    f"{value} is not a text in quotes", 'write \\\\ for a backslash, and \\" for a quotation mark'
                ) from error
        if key in found:
            raise UsageError(f"the attribute {key} is there twice", "keep one of them")
        if key in present and display_attribute(present[key], to_local) == value:
            found[key] = present[key]
            continue
        clears = key in known and not is_quoted and clears_a_field(value)
        found[key] = None if clears else read_attribute(session, key, value, known)
    return found


def _read_changes(session: Session, item: Item, sheet: Sheet, content: str) -> Given:
    changed, note = sheet.read(content)
    if not content.strip():
        print_message(session, "The edited text is empty, so nothing was changed.")
    if changed.get("text") == "":
        raise UsageError("the edited text is empty", f"to remove the todo: todo rm {item.number}")
    clear = [name for name, value in changed.items() if name != TEXT.name and (not value or clears_a_field(value))]
    changed = {name: value for name, value in changed.items() if name not in clear}
    if note == "":
        clear.append(NOTE.name)
    sets = {field.name: field for field in FIELDS if isinstance(field, SetField)}
    options = {name: value for name, value in changed.items() if name not in (*sets, TEXT.name, ATTRIBUTES.name)}
    text = [sheet.meant(changed)[TEXT.name]] if TEXT.name in changed else []
    for name, value in options.items():
        with _in_line(name):
            read_fields(session, [], {name: value}, clear=[])
    given = read_fields(session, text, {**options, NOTE.name: note or None}, literal=len(text), clear=clear)
    words: dict[str, Any] = {}
    for name, field in sets.items():
        if changed.get(name):
            with _in_line(name):
                is_todos = field.kind == "todos"
                words[name] = read_todos(session, [changed[name]]) if is_todos else sheet.words(field, changed[name])
    if changed.get(ATTRIBUTES.name):
        with _in_line(ATTRIBUTES.name):
            words[ATTRIBUTES.name] = _read_attributes(session, item, sheet.meant(changed)[ATTRIBUTES.name])
    # a line of words or attributes replaces those that were there
    return Given({**given.values, **words}, given.cleared | set(words))
