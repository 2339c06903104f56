"""Logs in PostgreSQL: the same lines as in files, on a server that many people share.

The package itself loads nothing, because `heads` must not load the library that the store needs.
"""
