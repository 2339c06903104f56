"""The hash chain: both implementations of SHA-256 give the same digests, and the right ones."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqrs_todo.cqrs.stores import hash_chain
from cqrs_todo.cqrs.stores.hash_chain import NO_DIGEST, verify_lines, with_digest


def chain(documents: list[bytes], worth_loading: int) -> tuple[list[bytes], bytes]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hash_chain, "_WORTH_LOADING", worth_loading)
        lines, digest = [], NO_DIGEST
        for document in documents:
            line, digest = with_digest(digest, document)
            lines.append(line)
        assert verify_lines(NO_DIGEST, lines)
        assert not verify_lines(NO_DIGEST, [*lines, lines[-1]])
        return lines, digest


@given(st.lists(st.binary().map(lambda text: b'{"text":"%b"}' % text.hex().encode()), min_size=1))
def test_a_digest_covers_the_digest_before_it_and_the_rest_of_the_line(documents: list[bytes]) -> None:
    own = chain(documents, 1 << 60)
    assert chain(documents, 0) == own
    expected = b""
    for document, line in zip(documents, own[0], strict=True):
        expected = hashlib.sha256(expected + document[:-1]).hexdigest().encode()
        assert line == b'%b,"sum":"%b"}\n' % (document[:-1], expected)
    assert own[1] == expected


def test_after_a_megabyte_hashlib_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hash_chain, "_WORTH_LOADING", 1000)
    new = hash_chain._Sha256()
    assert new(500) is vars(hash_chain)["_small_sha256"]
    assert new(600) is hashlib.sha256
    assert new(1) is hashlib.sha256
