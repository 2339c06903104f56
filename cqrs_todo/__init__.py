"""A todo list in which nothing is ever overwritten, and the event-sourcing framework below it."""

__version__ = "0.1.0"

INTERRUPTED = 130
"""The exit code of a process that Ctrl-C ends. It is here because the process needs it before it imports anything else."""
