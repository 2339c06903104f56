"""The seals: the same whichever of the two SHA-256 made them, and the right one."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqrs_todo.cqrs.stores import seals
from cqrs_todo.cqrs.stores.seals import NO_SUM, are_right, sealed


def chain(documents: list[bytes], worth_loading: int) -> tuple[list[bytes], bytes]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seals, "_WORTH_LOADING", worth_loading)
        lines, sum = [], NO_SUM
        for document in documents:
            line, sum = sealed(sum, document)
            lines.append(line)
        assert are_right(NO_SUM, lines)
        assert not are_right(NO_SUM, [*lines, lines[-1]])
        return lines, sum


@given(st.lists(st.binary().map(lambda text: b'{"text":"%b"}' % text.hex().encode()), min_size=1))
def test_a_sum_is_over_the_sum_before_and_the_line_up_to_it(documents: list[bytes]) -> None:
    own = chain(documents, 1 << 60)
    assert chain(documents, 0) == own
    expected = b""
    for document, line in zip(documents, own[0], strict=True):
        expected = hashlib.sha256(expected + document[:-1]).hexdigest().encode()
        assert line == b'%b,"sum":"%b"}\n' % (document[:-1], expected)
    assert own[1] == expected


def test_much_is_hashed_by_hashlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seals, "_WORTH_LOADING", 1000)
    new = seals._Sha256()
    assert new(500) is vars(seals)["_small_sha256"]
    assert new(600) is hashlib.sha256
    assert new(1) is hashlib.sha256
