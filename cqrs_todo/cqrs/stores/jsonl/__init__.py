"""Logs in append-only files of JSON lines; docs/log-format.md has the bytes, docs/reliability.md how they are written."""

from .store import JsonlStore

__all__ = ["JsonlStore"]
