"""A todo list in which nothing is ever overwritten, and the event-sourcing framework below it."""

__version__ = "0.1.0"
