"""Ways to damage a log: each takes a source of random choices and the bytes of a log, and gives altered bytes."""

import hashlib
import json
import random
import re
from collections.abc import Callable

Alteration = Callable[[random.Random, bytes], bytes]


def _split(content: bytes) -> list[bytes]:
    return content.split(b"\n")


def _some(rng: random.Random, lines: list[bytes]) -> int:
    """The index of a line that is not empty, the header seldom."""
    places = [place for place, line in enumerate(lines) if line]
    return rng.choice(places[1:] or places or [0]) if rng.random() < 0.9 or not places else places[0]


def _with_line(change: Callable[[random.Random, bytes], bytes]) -> Alteration:
    """Alter one line."""

    def alter(rng: random.Random, content: bytes) -> bytes:
        lines = _split(content)
        place = _some(rng, lines)
        lines[place] = change(rng, lines[place])
        return b"\n".join(lines)

    return alter


def cut(rng: random.Random, content: bytes) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def cut_at_a_line_end(rng: random.Random, content: bytes) -> bytes:
    lines = _split(content)
    kept = lines[: rng.randint(1, max(1, len(lines) - 1))]
    return b"".join(line + b"\n" for line in kept)


def flip_bits(rng: random.Random, content: bytes) -> bytes:
    altered = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 5)) if altered else 0):
        place = rng.randrange(len(altered))
        altered[place] ^= 1 << rng.randrange(8)
    return bytes(altered)


def _forge(rng: random.Random, line: bytes) -> bytes:
    """Another letter or digit where a text, an author or a time says something."""
    places = [match.start() for match in re.finditer(rb'(?<=[a-z "])[a-z0-9](?=[a-z0-9" ])', line)]
    inside = [place for place in places if b'"sum"' in line[place:]]
    if not inside:
        return line
    place = rng.choice(inside)
    return line[:place] + rng.choice([b"7", b"8", b"x", b"q"]) + line[place + 1 :]


def _forge_text(rng: random.Random, line: bytes) -> bytes:
    """Another text of a todo, in a line that stays good JSON."""
    return re.sub(rb'("text":")[^"\\]', lambda match: match[1] + rng.choice([b"8", b"X"]), line)


def forge_several(rng: random.Random, content: bytes) -> bytes:
    """The same in two or three lines one after the other."""
    lines = _split(content)
    start = _some(rng, lines)
    for place in range(start, min(start + rng.randint(2, 3), len(lines))):
        lines[place] = _forge_text(rng, lines[place])
    return b"\n".join(lines)


def _forge_and_rehash(rng: random.Random, content: bytes) -> bytes:
    """Another text, with the digest that the line would have: only the line after it shows that."""
    lines = _split(content)
    place = _some(rng, lines)
    before = lines[place - 1][-66:-2] if place else b""
    forged = _forge_text(rng, lines[place])
    if forged == lines[place]:
        return content
    text = forged[: forged.rfind(b',"sum":"')]
    lines[place] = text + b',"sum":"' + hashlib.sha256(before + text).hexdigest().encode() + b'"}'
    return b"\n".join(lines)


def delete(rng: random.Random, content: bytes) -> bytes:
    lines = _split(content)
    del lines[_some(rng, lines)]
    return b"\n".join(lines)


def delete_several(rng: random.Random, content: bytes) -> bytes:
    lines = _split(content)
    start = _some(rng, lines)
    del lines[start : start + rng.randint(2, 4)]
    return b"\n".join(lines)


def double(rng: random.Random, content: bytes) -> bytes:
    lines = _split(content)
    lines.insert(rng.randint(1, len(lines)), lines[_some(rng, lines)])
    return b"\n".join(lines)


def swap(rng: random.Random, content: bytes) -> bytes:
    lines = _split(content)
    one, other = _some(rng, lines), _some(rng, lines)
    lines[one], lines[other] = lines[other], lines[one]
    return b"\n".join(lines)


def reverse(rng: random.Random, content: bytes) -> bytes:
    header, *rest = [line for line in _split(content) if line] or [b""]
    lines = [header, *reversed(rest)] if rng.random() < 0.7 else [*reversed(rest), header]
    return b"".join(line + b"\n" for line in lines)


def shuffle(rng: random.Random, content: bytes) -> bytes:
    lines = [line for line in _split(content) if line]
    rng.shuffle(lines)
    return b"".join(line + b"\n" for line in lines)


def end_with_cr(_: random.Random, content: bytes) -> bytes:
    return content.replace(b"\n", b"\r")


def end_with_crlf(_: random.Random, content: bytes) -> bytes:
    return content.replace(b"\n", b"\r\n")


def end_some_lines_otherwise(rng: random.Random, content: bytes) -> bytes:
    return re.sub(rb"\n", lambda _: rng.choice([b"\n", b"\r\n", b"\r", b" \n", b"\t\n"]), content)


def blank_lines(rng: random.Random, content: bytes) -> bytes:
    lines = _split(content)
    for _ in range(rng.randint(1, 4)):
        lines.insert(rng.randint(0, len(lines)), rng.choice([b"", b"  ", b"\r", b"\t"]))
    return b"\n".join(lines)


def byte_order_mark(_: random.Random, content: bytes) -> bytes:
    return b"\xef\xbb\xbf" + content


def no_last_line_feed(_: random.Random, content: bytes) -> bytes:
    return content.removesuffix(b"\n")


def zeros_at_the_end(rng: random.Random, content: bytes) -> bytes:
    return content + b"\0" * rng.choice((1, 100, 4096))


def zeros_inside(rng: random.Random, content: bytes) -> bytes:
    place, length = rng.randrange(len(content) + 1), rng.choice((1, 30, 512))
    return content[:place] + b"\0" * len(content[place : place + length]) + content[place + length :]


def all_zeros(rng: random.Random, content: bytes) -> bytes:
    return rng.choice([b"", b"\0" * len(content), b"\n", b"nothing of ours\n"])


def _respaced(rng: random.Random, line: bytes) -> bytes:
    """The same document as another program writes it."""
    try:
        document = json.loads(line)
    except ValueError:
        return line
    ascii_only = rng.random() < 0.5
    return json.dumps(document, ensure_ascii=ascii_only, sort_keys=rng.random() < 0.2).encode(errors="replace")


def respace_all(_: random.Random, content: bytes) -> bytes:
    return b"\n".join(_respaced(random.Random(1), line) if line else line for line in _split(content))


def _other_digest(rng: random.Random, line: bytes) -> bytes:
    """Some digits of the digest altered."""
    start = line.rfind(b',"sum":"') + len(b',"sum":"')
    if start < 8 or len(line) < start + 64:
        return line
    digest = bytearray(line[start : start + 64])
    for place in rng.sample(range(64), rng.choice((1, 2, 64))):
        digest[place] = rng.choice(b"0123456789abcdef")
    return line[:start] + bytes(digest) + line[start + 64 :]


def digest_of_another_line(rng: random.Random, content: bytes) -> bytes:
    lines = _split(content)
    one, other = _some(rng, lines), _some(rng, lines)
    start, end = lines[one].rfind(b',"sum":"'), lines[other].rfind(b',"sum":"')
    if start < 0 or end < 0:
        return content
    lines[one] = lines[one][:start] + lines[other][end:]
    return b"\n".join(lines)


def header_altered(rng: random.Random, content: bytes) -> bytes:
    first, separator, rest = content.partition(b"\n")
    changes = [
        (b'"name":"', b'"name":"x'),
        (b"1.0", b"1.9"),
        (b'"format"', b'"farmat"'),
        (b'"id":"', b'"id":"0'),
        (b"{", b""),
    ]
    return first.replace(*rng.choice(changes), 1) + separator + rest


def header_gone(_: random.Random, content: bytes) -> bytes:
    return content.partition(b"\n")[2]


def position_altered(rng: random.Random, content: bytes) -> bytes:
    return _with_line(
        lambda rng, line: re.sub(rb'^(\{"position":)\d+', lambda match: match[1] + str(rng.randint(1, 99)).encode(), line)
    )(rng, content)


def version_altered(rng: random.Random, content: bytes) -> bytes:
    return _with_line(
        lambda rng, line: re.sub(
            rb'("version":)\d+', lambda match: match[1] + str(rng.randint(1, 9)).encode(), line, count=1
        )
    )(rng, content)


def junk(rng: random.Random, content: bytes) -> bytes:
    lines = _split(content)
    lines.insert(
        rng.randint(1, len(lines)), rng.choice([b"{}", b"<<<<<<< HEAD", b"\xff\xfe", b"x" * 300, b'{"position":1}'])
    )
    return b"\n".join(lines)


WHITE_SPACE: dict[str, Alteration] = {
    "CR": end_with_cr,
    "CRLF": end_with_crlf,
    "mixed ends": end_some_lines_otherwise,
    "blank lines": blank_lines,
    "BOM": byte_order_mark,
    "no last LF": no_last_line_feed,
    "zeros at the end": zeros_at_the_end,
}
"""What leaves every commit as it was written."""

ALTERATIONS: dict[str, Alteration] = {
    **WHITE_SPACE,
    "cut": cut,
    "cut at a line end": cut_at_a_line_end,
    "bits": flip_bits,
    "forged": _with_line(_forge),
    "forged text": _with_line(_forge_text),
    "several forged": forge_several,
    "forged and rehashed": _forge_and_rehash,
    "deleted": delete,
    "several deleted": delete_several,
    "doubled": double,
    "swapped": swap,
    "reversed": reverse,
    "shuffled": shuffle,
    "zeros": zeros_inside,
    "nothing left": all_zeros,
    "respaced": _with_line(_respaced),
    "all respaced": respace_all,
    "digest": _with_line(_other_digest),
    "digest of another line": digest_of_another_line,
    "header altered": header_altered,
    "header gone": header_gone,
    "position": position_altered,
    "version": version_altered,
    "junk": junk,
}
