"""Logs in PostgreSQL: the same contract and the same lines as in files, on a server that many share."""

from .store import PostgresStore

__all__ = ["PostgresStore"]
