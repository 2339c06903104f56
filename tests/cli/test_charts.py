"""The charts of `todo stats`: they show the values that they are given, in as much room as there is."""

from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqrs_todo.cli.charts import BLOCKS, bar_chart, line_chart

Chart = Callable[[str, Mapping[int, str], Sequence[int], int], list[str]]
values = st.lists(st.integers(0, 10**6), min_size=1, max_size=200)


def test_a_line_goes_through_the_values() -> None:
    assert line_chart("Open todos", {0: "Mon", 4: "Fri"}, [0, 9, 9, 5, 0], 24) == [
        "       Open todos",
        " ┌─────────────────────┐",
        "9┤    ▗▀▀▀▀▀▀▄▖        │",
        " │   ▗▘       ▝▚▄      │",
        "4┤  ▄▘           ▀▄    │",
        " │ ▞               ▀▄  │",
        "0┤▞                  ▀▄│",
        " └┬───────────────────┬┘",
        " Mon                 Fri",
    ]


def test_a_bar_is_as_high_as_its_value() -> None:
    assert bar_chart("By day", {0: "Mo", 1: "Tu", 2: "We", 3: "Th"}, [4, 0, 1, 2], 18) == [
        "      By day",
        " ┌───────────────┐",
        "4┤███▌           │",
        " │███▌           │",
        "2┤███▌       ▗▄▄▖│",
        " │███▌   ▗▄▄▄▐██▌│",
        "0┤███▌   ▐███▐██▌│",
        " └─┬───┬───┬───┬─┘",
        "  Mo  Tu  We  Th",
    ]


def test_a_line_reaches_a_peak_that_lies_between_two_columns() -> None:
    lines = line_chart("title", {}, [0, 100_000, *([0] * 8)], 20)
    assert set(lines[2]) & set(BLOCKS)


@pytest.mark.parametrize("chart", [line_chart, bar_chart])
@settings(max_examples=30)
@given(values, st.integers(20, 200), st.data())
def test_law_a_chart_fits_into_its_columns_and_reaches_from_the_lowest_to_the_highest_value(
    chart: Chart, values: list[int], columns: int, data: st.DataObject
) -> None:
    places = data.draw(st.sets(st.integers(0, len(values) - 1)))
    lines = chart("title", {place: f"label {place}" for place in places}, values, columns)
    assert len(lines) == 9
    assert all(len(line) <= columns for line in lines)
    assert len({len(line) for line in lines[1:8]}) == 1
    rows = [line[line.index("┤" if "┤" in line else "│") + 1 : -1] for line in lines[2:7]]
    drawn = [set(row) & set(BLOCKS) for row in rows]
    if max(values) > min(values if chart is line_chart else [0]):
        assert lines[2].split("┤")[0].strip() == f"{max(values)}"
        assert drawn[0], "the highest value is at the top"
        assert drawn[-1], "the lowest one, or the foot of a bar, is at the bottom"
    if chart is line_chart:
        assert all(any(row[column] in BLOCKS for row in rows) for column in range(len(rows[0]))), "the line has no gap"
    elif not any(values):
        assert not any(drawn), "nothing happened"
