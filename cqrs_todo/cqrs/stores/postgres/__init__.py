"""Logs in PostgreSQL: the same lines as in files, on a server that many people share."""

from .database import scratch
from .store import Named, Operator, Pattern, PostgresStore

__all__ = ["Named", "Operator", "Pattern", "PostgresStore", "scratch"]
