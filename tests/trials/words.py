"""Hostile words: texts that would move a cursor or turn a line around, names that would leave a folder or clash in it."""

import random
import sys
import unicodedata
from collections.abc import Iterator

from .children import SEED

_ATTACKS = """\
\x1b[2J\x1b[H|\x1b]0;owned\x07|\
\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\|\x1b[31mred|\x1bc|\x1b[6n|\x1bP+q544e\x1b\\|\
\x1b[?1049h|\x1b_payload\x1b\\|\x1b^private\x1b\\|\x9b31mred\x9b0m|\
\x9d0;owned\x9c|\x90payload\x9c|\x84\x85\x8d|\x1b]52;c;ZXZpbA==\x07|\
\u202etxt.exe|\u2066isolate\u2069|\u2067x|\u202a\u202b\u202c\u202d|\
\u200eleft|\u200fright|\u061cmark|abc \u05d0\u05d1\u05d2 123|\
السلام عليكم|שלום|\u2028line|\u2029paragraph|\ufeffbom|\
zero\u200bwidth|word\u2060joiner|\u2061\u2062\u2063|\ufff9a\ufffab\ufffb|\
[/]|[red]|[bold]not bold[/bold]|[link=http://x]y[/link]|\
[@click=app.bell]x[/]|[[]]|[|]|\\[red]|:smile:|[not a tag|[/red|\
# heading|* item|> quote|`code`|```|**bold**|__x__|~~x~~|<b>html</b>|\
<script>alert(1)</script>|&#27;[2J|&#x202e;|&#155;31m|&nbsp;|\
[text](http://x)|![image](file:///etc/passwd)|[x](\x1b[2J)|<http://evil.example/\u202e>|---|===|a  |\\|1. one|- [ ] x|\
👩‍👩‍👧|👨🏽‍💻|🏴󠁧󠁢󠁳󠁣󠁴󠁿|🇩🇪|❤️|☎︎|e\u0301|\u0301alone|क्षि|각|ﷺ|𒐫|ﬁ|Ǆ|ß|İ|ı|ſ|Ａ|①|½|雪だるま ⛄|\u3000wide\u3000|\
%s|%n%n%n|%(name)s|{}|{0}|{name}|{0.__class__}|$HOME|${HOME}|$(id)|\
`id`|; rm -rf /|&& true|> file|< file|'|"|''|\\n|\\x1b|\\|\
!!|!1|*|?|~|~root|../../etc/passwd|/etc/passwd|C:\\CON|file:///x|-|--|\
---|-rf|--help|--json|@|@1|1|1-3|+tag|+|due:tomorrow|pri:H|\
null|None|true|NaN|1e400|0|"}]}|","sum":"|{"a":1}|\\ud800|\\u0000|;|,|\
=|#|=1+1|\ttab|back\x08space|bell\x07|del\x7f|cr\rover|\
a\nb|\n\n|a\r\nb|\x0b|\x0c|\x00|nul\x00inside|\x1a|\x04|\x0e\x0f|\x1c\x1d\x1e\x1f|\x80\x9f|\xa0|\xad|\u034f|\u115f|\u3164|\u2800|\u180e|\ufffd|\uffff\
"""
_LONG = [
    "x" * 5000,
    "雪" * 3000,
    "word " * 2000,
    "e" + "\u0301" * 3000,
    "\u202e" * 500,
    "\x1b[1m" * 500,
    "👩‍" * 500,
    "[" * 2000,
    "Z̵̛" * 800,
]


def texts() -> list[str]:
    """Over 300 texts, each with something to a program or a terminal; none is empty or white."""
    every = [
        *_ATTACKS.split("|"),
        *_LONG,
        *(f"a{chr(code)}b" for code in [*range(0x20), *range(0x7F, 0xA0)]),
        *_of_each_category(),
    ]
    return list(dict.fromkeys(text for text in every if text.strip()))


def _of_each_category() -> Iterator[str]:
    """Three characters of each general category but surrogates, which are not text."""
    by_category: dict[str, list[str]] = {}
    for code in range(sys.maxunicode + 1):
        by_category.setdefault(unicodedata.category(chr(code)), []).append(chr(code))
    choose = random.Random(SEED)
    for category, chars in sorted(by_category.items()):
        if category != "Cs":
            yield from (f"a{char}b" for char in choose.sample(chars, min(3, len(chars))))


_DEVICES = [
    "CON",
    "con",
    "PRN",
    "AUX",
    "NUL",
    "nul.txt",
    "COM1",
    "com9.x",
    "LPT1",
    "lpt3",
    "CON.",
    "con .x",
    "Nul.tar.gz",
    "aux.jsonl",
]
_NAMES = """\
../x|../../x|./x|x/../y|/etc/x|x/|/x|/|//|\\|a\\b|C:x|C:\\x|.|..|...|\
.hidden|-|--|-rf|--help|-L|~|~root|~/x|$HOME|a$b|`id`|$(id)|\
*|?|a*|[a]|{a}|a;b|a&b|a>b|a<b|a'b|a"b|a!b|a#b|a%b|%s|%2e%2e%2f|a=b|\
a+b|a,b|a@b|a:b|a(b)| lead|trail |  |a  b|a\tb|a\nb|a\rb|\
\x1b[2J|a\x07b|a\x7fb|a\x85b|a\x9bb|\u202ea|a\u2066b|a\u200eb|\
a\u200bb|\ufeffa|a\u2028b|a\u2029b|a\u00adb|a\u2060b|\u3000a|a\u3000b|a\xa0b|\
a\u200db|\U000e0041|👩|❤️|\ufffd|\uffff|\ue000|\u0378|\u0301|\
\u0300\u0301|ﬁ|Ａ|ſ|İ|ı|Å|K|각|\u1100\u1161|Ǆ|ß|雪|שלום|عربي|क्षि|\
inbox.lock|inbox.jsonl|inbox.renewed|\
inbox.torn-20260101T000000000000|a.|a..b|a.b.c|_|__|0|1|1-3|@|@1|+x|inbox|\
a_b-c.d|null|None|true|NaN|new|rename|lists|archive|work\u0301|cafe\u0301|caf\u00e9|\u1e9b\u0323|\u212b|\u0041\u030a|a\u0323\u0307|a\u0307\u0323\
"""


def names() -> list[str | bytes]:
    """Over 150 names of lists; those in bytes are no UTF-8."""
    long = ["x" * length for length in (64, 65, 100, 255, 256, 300, 4096)]
    long += [sign * count for sign in ("é", "雪", "𝒳", "e\u0301") for count in (50, 64, 65)]
    return [
        *dict.fromkeys([*_NAMES.split("|"), "|", *_DEVICES, *long]),
        b"\xff\xfe",
        b"a\x80",
        b"\xed\xa0\x80",
        b"\xc0\xae\xc0\xae/x",
        b"\xed\xb2\x80",
    ]
