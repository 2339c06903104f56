"""Editing a todo in an editor changes what was edited, and nothing else."""

import re
import sys
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqrs_todo.cli.editor import Sheet
from cqrs_todo.todo.fields import TAGS, Todo
from tests.conftest import Todo as Program

AT = datetime(2026, 11, 22, tzinfo=UTC)
WORD = "plainword"
AWKWARD = [
    "\\",
    "\\n",
    "\\\\",
    "\n",
    "\r\n",
    "\r",
    "\t",
    " ",
    "\x1b",
    "\x00",
    "\x85",
    "\u2028",
    "\u202e",
    "\ufeff",
    "#",
    ":",
    "+",
]
texts = st.lists(st.sampled_from(AWKWARD) | st.text(max_size=5) | st.sampled_from(["\\x20", "\\u2028", "C:\\new"])).map(
    "".join
)
tags = st.lists(texts.filter(bool), max_size=3).map(lambda words: tuple(sorted(set(words))))


def edited(todo: Todo, old: str = "", new: str = "") -> tuple[dict[str, str], str | None]:
    """The values that the file gives after one text in it was replaced, through bytes as in a real file."""
    sheet = Sheet(todo, str)
    content = sheet.written().encode().replace(old.encode(), new.encode()) if old else sheet.written().encode()
    changed, note = sheet.read(content.decode("utf-8-sig").replace("\r\n", "\n"))
    return {**sheet.meant(changed)}, note


@given(text=texts, tags=tags, note=texts)
def test_a_file_that_is_saved_as_it_was_changes_nothing(text: str, tags: tuple[str, ...], note: str) -> None:
    assert edited(Todo(text, AT, note=note or None, tags=tags)) == ({}, None)


@given(before=texts, after=texts)
def test_replacing_a_word_of_the_text_changes_this_word_only(before: str, after: str) -> None:
    todo = Todo(f"{before}|{WORD}|{after}", AT, note="a note")
    assert edited(todo, f"|{WORD}|", "|other|") == ({"text": f"{before}|other|{after}"}, None)


@given(before=texts, after=texts)
def test_replacing_a_word_of_the_note_changes_this_word_only(before: str, after: str) -> None:
    todo = Todo("text", AT, note=f"{before}|{WORD}|{after}")
    assert edited(todo, f"|{WORD}|", "|other|") == ({}, f"{before}|other|{after}")


@given(tags=tags)
def test_adding_a_tag_keeps_the_others_as_they_are(tags: tuple[str, ...]) -> None:
    sheet = Sheet(Todo("text", AT, tags=tags), str)
    lines = sheet.written().split("\n")
    line = next(line for line in lines if line.startswith("tags:")).removeprefix("tags:").strip()
    assert sheet.words(TAGS, f"{line} new") == (*tags, "new")


@pytest.mark.parametrize("text", ["C:\\new", "a\\tb", "\\\\server\\share", "\\", "tail\\", "x # y", "due: today", "100 %"])
def test_an_ordinary_text_stands_in_the_file_as_it_is(text: str) -> None:
    assert f"text: {text}\n" in Sheet(Todo(text, AT), str).written()


def run_editor(todo: Program, script: str, *more: str) -> tuple[int, str]:
    """Edit todo 1 with a sed script."""
    result = todo.run("edit", "1", *more, env={"EDITOR": f"sed -i '{script}'"})
    return result.code, result.err


TEXTS = [
    "paths\nC:\\new word",
    "word\\n",
    "\\n word",
    "\tword\t",
    "  word  ",
    "word\r\n",
    "\x1b[31mword\\e",
    "\u2028word\\u2028",
    "word\\\\n\\",
    "\\x20 word\x00\\x00",
    "C:\\temp word",
    "# word",
    "text: word",
    "\ufeffword",
]


@pytest.mark.parametrize("text", TEXTS)
def test_editing_one_word_in_the_real_editor_keeps_the_rest_of_the_text(todo: Program, text: str) -> None:
    if "\x00" in text:
        todo("add", "-", stdin=text)
    else:
        todo("add", "--", text)
    before = todo.todos()[0]["text"]
    assert run_editor(todo, "")[0] == 0
    assert len(todo.log()) == 1, "an unchanged file gives no event"
    assert run_editor(todo, "s/word/other/")[0] == 0
    assert todo.todos()[0]["text"] == before.replace("word", "other")
    assert len(todo.log()[1]["events"]) == 1


NOTES = [
    "one\r\ntwo word\r\n",
    "word\n\n\n",
    "\n\nword",
    "text: word\ntags: none",
    "word  \n\thard break\t",
    "# Title word\n\n# With escapes: note",
    "C:\\new word",
    "\x1b[31mword \\e \\n",
    "word\r",
    " word\n \n",
]


@pytest.mark.parametrize("note", NOTES)
def test_editing_one_word_in_the_real_editor_keeps_the_rest_of_the_note(todo: Program, note: str) -> None:
    todo("add", "x", "--note", note)
    assert run_editor(todo, "")[0] == 0
    assert run_editor(todo, "s/^text: x/text: y/")[0] == 0
    (row,) = todo.todos()
    assert (row["text"], row["note"]) == ("y", note)
    assert [len(commit["events"]) for commit in todo.log()] == [1, 1]
    assert run_editor(todo, "s/word/other/")[0] == 0
    assert todo.todos()[0]["note"] == note.replace("word", "other")


def test_an_escape_that_the_person_writes_is_read_only_where_the_file_says_so(todo: Program) -> None:
    todo("add", "--", "one\ntwo")
    assert run_editor(todo, r"s/one/C:\\\\new/")[0] == 0
    assert todo.todos()[0]["text"] == "C:\\new\ntwo"
    todo("edit", "1", "--", "plain")
    assert run_editor(todo, r"s/plain/C:\\new/")[0] == 0
    assert todo.todos()[0]["text"] == "C:\\new"


def test_tags_are_added_and_removed_and_the_order_does_not_matter(todo: Program) -> None:
    todo("add", "x", "+b", "+a\\n", "+c\u200bd")
    assert run_editor(todo, r"s/^tags: \(.*\)/tags: new \1/")[0] == 0
    assert todo.todos()[0]["tags"] == ["a\\n", "b", "c\u200bd", "new"]
    assert run_editor(todo, r"s/^tags: new \(.*\)/tags: \1 +new/")[0] == 0
    assert len(todo.log()) == 2
    assert run_editor(todo, "s/^tags: .*/tags:/")[0] == 0
    assert todo.todos()[0]["tags"] == []


def test_a_note_is_taken_away_by_deleting_it(todo: Program) -> None:
    todo("add", "x", "--note", "one\n\ntwo")
    assert run_editor(todo, "/^$/,$d")[0] == 0
    assert todo.todos()[0]["note"] is None
    assert run_editor(todo, "$a new note")[0] == 0
    assert todo.todos()[0]["note"] == "new note"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("s/^due:.*/text: twice/", "two lines for text"),
        ("1i # a heading", "the line '# a heading'"),
        ("s/^text: .*/text:/", "the edited text is empty"),
        (r"s/^text: .*/text: \\ud800/", "ud800"),
    ],
)
def test_a_file_that_is_not_understood_changes_nothing_and_is_kept(todo: Program, script: str, words: str) -> None:
    todo("add", "--", "a\nb")
    code, err = run_editor(todo, script)
    assert code in (1, 2)
    assert words in err
    kept = re.search(r"What you wrote is kept in (.*)\n", err)
    assert kept is not None
    assert len(todo.log()) == 1


def test_files_of_edits_that_went_well_are_removed(todo: Program) -> None:
    todo("add", "x")
    assert run_editor(todo, "s/x$/y/")[0] == 0
    assert run_editor(todo, "")[0] == 0
    assert not list(todo.home.glob("todo-*"))
    assert todo.run("edit", "1", env={"EDITOR": f"{sys.executable} -c 'raise SystemExit(3)'"}).code == 1
    assert not list(todo.home.glob("todo-*"))


@pytest.mark.parametrize("editor", [None, "", "vi", "/usr/bin/vim -n", "nano"])
def test_an_editor_that_needs_a_terminal_is_not_started_without_one(todo: Program, editor: str | None) -> None:
    todo("add", "Buy milk")
    result = todo.run("edit", "1", env={} if editor is None else {"EDITOR": editor})
    assert (result.code, result.out) == (2, "")
    assert "name the change on the command line" in result.err
    assert "\x1b" not in result.err
    assert todo.todos()[0]["text"] == "Buy milk"


def test_a_script_may_be_the_editor_without_a_terminal(todo: Program) -> None:
    todo("add", "Buy milk")
    assert run_editor(todo, "s/milk/bread/")[0] == 0
    assert todo.todos()[0]["text"] == "Buy bread"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("due", "xx"),
        ("wait", "xx"),
        ("reminder", "friday xx"),
        ("priority", "Z"),
        ("project", "a b"),
        ("every", "xx"),
        ("parent", "9"),
        ("depends", "9"),
        ("attributes", "xx"),
        ("attributes", r'a:"\\q"'),
    ],
)
def test_the_error_for_a_value_names_its_line(todo: Program, field: str, value: str) -> None:
    todo("add", "x", "due:tomorrow")
    code, err = run_editor(todo, f"s/^{field}:.*/{field}: {value}/")
    assert code in (2, 3)
    assert err.splitlines()[1].startswith(f"todo: in the line of {field}: "), err
    assert len(todo.log()) == 1


@pytest.mark.parametrize(
    ("editor", "words"),
    [
        ("rm", "the edited text cannot be read: No such file or directory"),
        ('sh -c \'printf "text: x\\n\\n\\377" > "$0"\'', "line 3 of the edited text is not UTF-8"),
        ("/no/such", "the editor '/no/such' cannot be run: No such file or directory"),
        ("e 'x", "cannot be run: a quotation mark"),
    ],
)
def test_errors_around_the_editor_are_in_plain_words(todo: Program, editor: str, words: str) -> None:
    todo("add", "x")
    result = todo.run("edit", "1", env={"EDITOR": editor})
    assert result.code in (1, 2)
    assert words in result.err
    assert "Errno" not in result.err
    assert "codec" not in result.err
    assert len(todo.log()) == 1


@pytest.mark.parametrize(
    "marker", ["under:9", "depends:9", "under:nope/1", "due:xx", "due:", "pri:Z", "every:xx", "remind:x"]
)
def test_each_error_in_a_line_of_stdin_names_the_line(todo: Program, marker: str) -> None:
    result = todo.run("add", "-", stdin=f"one\ntwo {marker}\n")
    assert result.code in (1, 2, 3)
    assert result.err.startswith("todo: line 2: "), result.err
    assert "nothing was recorded" in result.err
    assert todo.content() == ""


def test_an_emptied_file_changes_nothing_and_says_so(todo: Program) -> None:
    todo("add", "a", "pri:H", "--note", "kept")
    before = todo.content()
    for script in ("d", "s/.*/ /"):
        code, err = run_editor(todo, script)
        assert (code, err) == (0, "The edited text is empty, so nothing was changed.\nUnchanged: 1\n")
    assert todo.content() == before


def test_an_emptied_line_of_a_field_makes_no_note_of_the_lines_below(todo: Program) -> None:
    todo("add", "a", "pri:H", "+x", "--note", "text: kept")
    before = todo.content()
    emptied = todo.run("edit", "1", env={"EDITOR": "sed -i 's/^priority:.*//'"})
    assert (emptied.code, "a blank line above the line of tags" in emptied.err) == (2, True)
    assert todo.content() == before
    todo("edit", "1", env={"EDITOR": "sed -i -e '/^text: a/d' -e 's/^tags:.*/tags:/'"})
    assert (todo.todos()[0]["tags"], todo.todos()[0]["note"]) == ([], "text: kept")


def test_a_hyphen_for_the_note_reads_it_from_stdin(todo: Program) -> None:
    todo("add", "a", "--note", "-", stdin="first\n\nlast\n")
    assert todo.todos()[0]["note"] == "first\n\nlast"
    todo("edit", "1", "--note=-", "+x", stdin="other")
    assert (todo.todos()[0]["note"], todo.todos()[0]["tags"]) == ("other", ["x"])
    both = todo.run("add", "-", "--note", "-", stdin="x")
    assert (both.code, "stdin cannot be both" in both.err) == (2, True)
    todo("edit", "1", env={"EDITOR": "sed -i 's/^other/-/'"})
    assert todo.todos()[0]["note"] == "-"
