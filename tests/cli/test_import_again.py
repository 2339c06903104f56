"""`import` of other programs' files: into several lists, and again."""

from tests.conftest import Todo


def imported(todo: Todo, name: str, text: str, *options: str) -> str:
    """Import a file, and return what was said."""
    (todo.home / name).write_text(text, encoding="utf-8")
    result = todo("import", name, *options)
    return result.out + result.err


def test_a_project_that_differs_from_a_list_only_by_case_is_that_list(todo: Todo) -> None:
    imported(
        todo,
        "a.md",
        "# Inbox\n- [ ] one\n# Work\n- [ ] two\n# WORK\n- [ ] three\n# R&D\n- [ ] four\n",
        "--list-by",
        "project",
    )
    assert "one" in todo("ls").out
    assert all(text in todo("-L", "Work", "ls").out for text in ("two", "three"))
    assert "four" in todo("-L", "R-D", "ls").out


def test_a_project_that_cannot_be_a_list_is_refused_before_anything_is_recorded(todo: Todo) -> None:
    (todo.home / "a.md").write_text("# Work\n- [ ] one\n# con\n- [ ] two\n", encoding="utf-8")
    result = todo.run("import", "a.md", "--list-by", "project")
    assert result.code == 1
    assert "line 4: the project con cannot be a list" in result.err
    assert not todo.log_file("Work").exists()
