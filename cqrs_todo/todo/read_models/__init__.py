"""The read models of lists: rows that are derived from their logs, so that some questions need not read whole logs.

Each is a module with its `PROJECTION`. docs/read-models.md says what is kept where.
"""

from collections.abc import Iterable

from ..model import EVENTS


def schema_for(schema: str, events: Iterable[type]) -> tuple[str, frozenset[str]]:
    """Return the schema of a projection, and the type strings of the events that it applies.

    The schema names these types. A newer program, which knows more of them, so finds another schema, and derives rows again
    that an older program derived without the events that it did not know.

    Args:
        schema: The SQL that makes the tables.
        events: The classes of the events.
    """
    classes = set(events)
    types = frozenset(type for type, event in EVENTS.items() if event in classes)
    return f"-- of {', '.join(sorted(types))}\n{schema}", types
