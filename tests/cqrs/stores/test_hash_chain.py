"""The hash chain: each digest covers the digest before it and the rest of its line."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from cqrs_todo.cqrs.stores.hash_chain import NO_DIGEST, verify_lines, with_digest


@given(st.lists(st.binary().map(lambda text: b'{"text":"%b"}' % text.hex().encode()), min_size=1))
def test_a_digest_covers_the_digest_before_it_and_the_rest_of_the_line(documents: list[bytes]) -> None:
    lines, digest, expected = [], NO_DIGEST, b""
    for document in documents:
        line, digest = with_digest(digest, document)
        expected = hashlib.sha256(expected + document[:-1]).hexdigest().encode()
        assert (line, digest) == (b'%b,"sum":"%b"}\n' % (document[:-1], expected), expected)
        lines.append(line)
    assert verify_lines(NO_DIGEST, lines)
    assert not verify_lines(NO_DIGEST, [*lines, lines[-1]])
