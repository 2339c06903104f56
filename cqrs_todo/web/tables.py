"""Views, as the schema shows them: tables that are computed from all events."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import strawberry

from ..todo.projections import ViewFailed
from ..todo.projections.calls import call
from ..todo.projections.fold import Checkpoint, Reached, Source, fold, in_utc, table
from .scalars import Json
from .work import Look, refusal


@strawberry.type
class ViewEntry:
    """A view that a list can be shown as."""

    name: str
    help: str = strawberry.field(description="What it shows; empty if it does not say so")
    package: str = strawberry.field(description="The package that offers it")


@strawberry.type
class Table:
    """A list, as a view shows it."""

    view: str = strawberry.field(description="The name of the view")
    period: str | None = strawberry.field(description="The period that is shown; null for a view without periods")
    columns: list[str] = strawberry.field(description="The names of the columns, in order")
    rows: list[Json] = strawberry.field(description="The rows: each has the values by the names of the columns")


def table_of(look: Look, name: str, period: str, per: str | None) -> Table:
    """Return a list at one moment, as a view shows it.

    Args:
        look: The list.
        name: The name of the view.
        period: The period, in words; '' for that of the moment.
        per: The unit for which the view counts; None for its own.

    Raises:
        CqrsError: There is no such view, period or unit, or the list cannot be read.
        GraphQLError: The view failed, or the request takes too long or returns too much.
    """
    with _own_failures_reported(look, name):
        projection = look.visit.projection(name, per)
        shown = look.visit.period(projection, period, look.moment, look.view)
        source = Source(look.todos.log, look.view.position, look.work.check_time)
        folded = fold(projection, [source], _NothingKept(), look.visit.to_local, look.visit.now, shown)
        columns, rows = table(projection, folded.state)
        look.work.spend(len(rows))
        encoded: list[Json] = call(projection, "rows, with a value that JSON does not have", _encoded, columns, rows)
        return Table(view=name, period=shown or None, columns=columns, rows=encoded)


def _encoded(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[Json]:
    documents = [{name: in_utc(row[name]) for name in columns} for row in rows]
    return [Json(row) for row in msgspec.json.decode(msgspec.json.encode(documents))]


@contextmanager
def _own_failures_reported(look: Look, name: str) -> Iterator[None]:
    """Report what is wrong with the code of a view to the person who runs the server. Such errors have paths."""
    try:
        yield
    except ViewFailed as error:
        look.work.desk.report(error)
        raise refusal(f"the view {name} failed; the terminal of the server says how", "VIEW_FAILED") from None


class _NothingKept:
    """Checkpoints for a fold that begins at the beginning. The caches of views belong to the command."""

    def load(self) -> Sequence[Checkpoint]:
        """Return no checkpoints."""
        return ()

    def state_of(self, checkpoint: Checkpoint) -> Any:
        """Return no state."""
        return None

    def save(self, period: str, reached: Mapping[str, Reached], state: Any) -> None:
        """Keep nothing."""
