"""One append-only file of JSON lines a log. The bytes: docs/log-format.md; how they get there: docs/reliability.md."""

from .store import JsonlStore

__all__ = ["JsonlStore"]
