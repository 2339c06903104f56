"""The verbs: a module for each, with its declaration as `VERB`. A package holds the verbs of another verb.

A module is imported only when its verb is used, or when the help shows all verbs.
"""

from collections.abc import Iterator, Sequence
from keyword import iskeyword

from ..verb import Verb

ALIASES = {"list": "ls", "log": "history"}
"""Other names of verbs."""


def load(path: Sequence[str]) -> Verb | None:
    """Import the declaration of a verb.

    Args:
        path: The verb, such as `["ls"]`, or a verb of another verb, such as `["lists", "new"]`.

    Returns:
        The declaration; None if there is no such verb.
    """
    words = [ALIASES.get(path[0], path[0]), *path[1:]]
    if not all(word.isascii() and word.isalpha() and word.islower() for word in words):
        return None
    name = ".".join([__name__, *(f"{word}_" if iskeyword(word) else word for word in words)])
    try:
        module = __import__(name, fromlist=["VERB"])  # `importlib.import_module` takes longer to import than this does
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        return None
    verb: Verb = module.VERB
    return verb


def find(words: Sequence[str]) -> tuple[Verb, Sequence[str]] | None:
    """Find the verb that a command line without options begins with.

    Returns:
        The verb and the words after it; None if the command line begins with no verb.
    """
    verb = load(words[:1])
    if verb is None:
        return None
    inner = load(words[:2]) if len(words) > 1 and not verb.arguments else None
    return (verb, words[1:]) if inner is None else (inner, words[2:])


def names(path: Sequence[str] = ()) -> Iterator[str]:
    """List the names of all verbs, or of the verbs of a verb, in alphabetical order."""
    from pkgutil import iter_modules  # only help needs all names

    for module in iter_modules([f"{folder}/{'/'.join(path)}" for folder in __path__]):
        yield module.name.removesuffix("_")
