"""Passwords in the URL of a store: the URL without them, and texts in which none can be read.

This works on text alone, and so needs no database library and also takes what is not a valid URL.
"""

import re
from collections.abc import Iterable

HIDDEN = "***"
# compiled when they are needed: each sync loads this module, and hides nothing
_URL = r"(?i)postgres(?:ql)?:|(?!jsonl:|folder:)[a-z][a-z0-9+.-]*://"
"""The beginning of a URL that may hold a password, as that of another package's store may. That of a folder holds none."""
_USER = r"(?i)((?!jsonl:|folder:)[a-z][a-z0-9+.-]*://[^:@/]*):([^@/]*)@"
"""The user and the password at the beginning of a valid URL, as libpq reads it."""
_SECRET = r"(?i)(?:pass(?:word|wd)?|pwd|secret)$"
"""How the names of the parameters end whose values are secret: `password`, `sslpassword`, `oauth_client_secret`."""
# in any text: from the first ':' behind '//' to the last '@' of the line, unless that is a port, or the ':' ends the URL
_IN_TEXT = r"(?i)(postgres(?:ql)?:/*[^:@/\s\[]*):(?!(?:[^\S\n][^@\n]*)?(?:\n|$))(?!\d{1,5}(?:[/?,:;'\"\s]|$))(?:.*@|\S*)"
_OTHER_IN_TEXT = r"(?i)\b((?!jsonl:|folder:)[a-z][a-z0-9+.-]*://[^:@/\s]*):[^@/\s]+@"
_PARAMETER_IN_TEXT = (
    r"(?i)((?:p|%70)(?:a|%61)(?:s|%73)(?:s|%73)(?:w|%77)(?:o|%6f)(?:r|%72)(?:d|%64)|secret)(\s*=\s*)"
    r"('(?:[^'\\]|\\.)*'|[^&\s'\"]+)"
)


def _unquoted(text: str) -> str:
    if "%" not in text:
        return text
    from urllib.parse import unquote  # few URLs have escapes

    return unquote(text)


def without_password(url: str) -> str:
    """A valid URL of a store, without the password that it holds; any other URL as it is."""
    if not re.match(_URL, url):
        return url
    url = re.sub(_USER, r"\1@", url, count=1)
    start, mark, query = url.partition("?")
    kept = [each for each in query.split("&") if not re.search(_SECRET, _unquoted(each.partition("=")[0]))]
    return f"{start}{mark}{'&'.join(kept)}" if kept else start


def hidden(text: str, words: Iterable[str] = ()) -> str:
    """A text for a person to read, with the passwords of stores' URLs replaced by `***`.

    Args:
        text: Such as an error message, which may repeat part of what was typed.
        words: What was typed: the words of the command line, and the settings. Where one of them holds a password, it is
            hidden as a whole, even if it is not a valid URL.
    """
    for word in sorted(set(words), key=len, reverse=True):
        safe = _hidden(word)
        if safe != word:
            for form in (word, repr(word)[1:-1], ascii(word)[1:-1], _unquoted(word)):
                text = text.replace(form, safe)
    return _hidden(text)


def _hidden(text: str) -> str:
    if re.search(_URL, text):
        text = re.sub(_IN_TEXT, _replaced, text)
        text = re.sub(_OTHER_IN_TEXT, rf"\1:{HIDDEN}@", text)
    return re.sub(_PARAMETER_IN_TEXT, rf"\1\2{HIDDEN}", text)


def _replaced(match: re.Match[str]) -> str:
    return f"{match[1]}:{HIDDEN}{'@' if match[0].endswith('@') else ''}"


def secrets_in(words: Iterable[str]) -> set[str]:
    """The passwords in the words that were typed, as they stand there and decoded."""
    found: set[str] = set()
    for word in words:
        if re.match(_URL, word):
            user = re.match(_USER, word)
            found |= {user[2]} if user else set()
            whole = re.match(r"postgres(?:ql)?:/*[^:@/]*:(.*)@", word, re.IGNORECASE | re.DOTALL)
            found |= {whole[1]} if whole else set()
        found |= {match[3].strip("'") for match in re.finditer(_PARAMETER_IN_TEXT, word)}
    return {form for secret in found for form in (secret, _unquoted(secret)) if form}
