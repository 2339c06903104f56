"""`python -m cqrs_todo` is `todo`."""

from .cli import run

run()
