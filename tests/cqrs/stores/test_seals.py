"""The hash chain: each digest is the SHA-256 of the digest before it and of the line up to it."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from cqrs_todo.cqrs.stores.seals import NO_SUM, are_right, sealed


@given(st.lists(st.binary().map(lambda text: b'{"text":"%b"}' % text.hex().encode()), min_size=1))
def test_a_digest_covers_the_digest_before_it_and_the_line_up_to_it(documents: list[bytes]) -> None:
    lines, digest = [], NO_SUM
    for document in documents:
        line, next_digest = sealed(digest, document)
        expected = hashlib.sha256(digest + document[:-1]).hexdigest().encode()
        assert (line, next_digest) == (b'%b,"sum":"%b"}\n' % (document[:-1], expected), expected)
        lines.append(line)
        digest = next_digest
    assert are_right(NO_SUM, lines)
    assert not are_right(NO_SUM, [*lines, lines[-1]])
    assert not are_right(digest, lines)
