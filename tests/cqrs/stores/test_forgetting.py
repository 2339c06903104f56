"""Forgetting streams in lines: what goes, what stays byte for byte, and that copies stay the same."""

import json
from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqrs_todo.cqrs.decider import Decider
from cqrs_todo.cqrs.errors import ReadOnlyLog
from cqrs_todo.cqrs.events import FORGOTTEN, LOST, MERGED, REPAIRED
from cqrs_todo.cqrs.fold import Fold
from cqrs_todo.cqrs.forgetting import KEPT_MEMBERS, MEMBERS_BY_STREAM
from cqrs_todo.cqrs.operation_errors import StreamNotFound
from cqrs_todo.cqrs.stores.forgetting import Forgotten, forget_lines
from cqrs_todo.cqrs.stores.format import FORMAT, VERSION, Codec, CommitLine, Header, InvalidLine, decode_line, encode_header
from cqrs_todo.cqrs.stores.hash_chain import NO_DIGEST, chain_line, digest_in, last_digest
from cqrs_todo.cqrs.stores.jsonl.repair import verified_end
from cqrs_todo.cqrs.testing.examples import AT, CONTRACT_TYPES, Counted

STREAMS = ("counter/1", "counter/2", "ü/\u2028", "other/1")
SECRET = "hunter2"
TEXTS = (SECRET, "plain")
HEADER = {"format": FORMAT, "version": VERSION, "id": "ab", "name": "inbox", "created": AT, "made-with": "a newer program"}
MEMBERS = st.fixed_dictionaries(
    {},
    optional={
        "because": st.sampled_from(TEXTS),
        "mine": st.just({"a": [SECRET]}),
        "request": st.just({"sum": "9f0c", "events": 2}),
        **{name: st.sampled_from([["c1"], {"id": "b", "part": 1}, 7]) for name in sorted(KEPT_MEMBERS.keys() - {"extra"})},
        **{name: st.dictionaries(st.sampled_from(STREAMS), st.just("9f0c")) for name in sorted(MEMBERS_BY_STREAM)},
    },
)
EVENT: st.SearchStrategy[tuple[str, Any]] = st.one_of(
    st.tuples(st.just("counted"), st.builds(lambda text: {"number": 1, "text": text}, st.sampled_from(TEXTS))),
    st.tuples(st.just("shaken"), st.just({"why": SECRET})),
    st.tuples(st.just(LOST), st.just({})),
    st.tuples(st.just(MERGED), st.just({"type": "counted", "data": {"number": 1, "text": SECRET}})),
    st.tuples(st.just(REPAIRED), st.sampled_from([{"head": "00ff", "lost": [[1, 2]]}, {"lost": []}, ["another form"]])),
)
Events: TypeAlias = list[tuple[str, tuple[str, Any]]]
Commits: TypeAlias = list[tuple[Events, dict[str, Any]]]
TEXTS_SEEN: Decider[tuple[str, ...], None, Counted] = Decider(
    "counter",
    (),
    {"counted": Counted},
    lambda _command, _state: (),
    lambda state, event: (*state, event.text),
    lambda event: event,
)
"""A decider whose states are the texts of the events."""
COMMITS = st.lists(
    st.tuples(st.lists(st.tuples(st.sampled_from(STREAMS), EVENT), min_size=1, max_size=4), MEMBERS), min_size=1, max_size=8
)


def log_of(commits: Sequence[tuple[Events, dict[str, Any]]], header: dict[str, Any] = HEADER) -> list[bytes]:
    """The lines of a log."""
    lines = [chain_line(NO_DIGEST, msgspec.json.encode(header))]
    versions: dict[str, int] = {}
    position = 1
    for events, meta in commits:
        recorded = []
        for stream, (type, data) in events:
            versions[stream] = versions.get(stream, 0) + 1
            event = {"stream": stream, "version": versions[stream], "type": type, "data": data}
            recorded.append({**event, **({"tags": ["secret"]} if type == "counted" else {}), "unknown": data})
        commit = {"position": position, "at": AT, "by": "me@x", "command": f"c{position}", "events": recorded}
        document = {**commit, **({"meta": meta} if meta else {}), "unknown": SECRET}
        lines.append(chain_line(last_digest(lines[-1]), msgspec.json.encode(document)))
        position += len(events)
    return lines


def streams_in(lines: Sequence[bytes]) -> set[str]:
    return {event.stream for line in lines[1:] for event in decode_line(line[:-1]).events}


def without(members: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in members.items() if key != name}


def body(line: bytes) -> bytes:
    return line[: line.rindex(b',"sum":"')]


def forget(lines: Sequence[bytes], *streams: str) -> Forgotten:
    return forget_lines("inbox", lines, streams)


@given(COMMITS, st.data())
def test_what_is_forgotten_goes_and_all_else_stays(commits: Commits, data: st.DataObject) -> None:
    lines = log_of(commits)
    streams = data.draw(st.lists(st.sampled_from(sorted(streams_in(lines))), min_size=1, unique=True))
    done = forget(lines, *streams)
    assert verified_end(b"".join(done.lines)).position == sum(len(events) for events, _ in commits)
    header = json.loads(done.lines[0])
    assert header == {**json.loads(lines[0]), "forgotten": sorted(streams), "sum": header["sum"]}
    changed = 0
    for old, new in zip(map(json.loads, lines[1:]), map(json.loads, done.lines[1:]), strict=True):
        concerned = False
        for before, after in zip(old["events"], new["events"], strict=True):
            if before["stream"] in streams:
                wanted = {"stream": before["stream"], "version": before["version"], "type": FORGOTTEN, "data": {}}
                assert after == wanted
                changed += 1
                concerned = True
            elif before["type"] == REPAIRED and isinstance(before["data"], dict):
                kept = {name: value for name, value in before["data"].items() if name != "head"}
                assert after == {**before, "data": kept}
            else:
                assert after == before
        same = {"position", "at", "by", "command"} if concerned else old.keys() - {"events", "sum", "meta"}
        assert {name: new[name] for name in same} == {name: old[name] for name in same}
        assert set(new) - {"meta"} == {*same, "events", "sum"}
        meta = old.get("meta", {})
        kept = {name: value for name, value in meta.items() if name in KEPT_MEMBERS or not concerned}
        for name in MEMBERS_BY_STREAM & meta.keys():
            left = {stream: value for stream, value in meta[name].items() if stream not in streams}
            kept = {**kept, name: left} if left or (not concerned and meta[name] == left) else without(kept, name)
        assert new.get("meta", {}) == kept
    assert done.events == changed
    untouched = [
        place
        for place, line in enumerate(lines)
        if place
        and not {*streams_in([b"", line]), *json.loads(line).get("meta", {}).get("import", ())} & set(streams)
        and REPAIRED.encode() not in line
    ]
    assert [body(done.lines[place]) for place in untouched] == [body(lines[place]) for place in untouched]
    assert not {decode_line(lines[place][:-1]).position for place in untouched} & set(done.changed)


@given(COMMITS, st.data())
def test_streams_may_be_forgotten_in_any_order_and_again(commits: Commits, data: st.DataObject) -> None:
    lines = log_of(commits)
    present = sorted(streams_in(lines))
    first = [present[0], *data.draw(st.lists(st.sampled_from([*present, "counter/9"])))]
    second = [present[-1], *data.draw(st.lists(st.sampled_from([*present, "counter/9"])))]
    together = forget(lines, *first, *second)
    assert forget(forget(lines, *first).lines, *second).lines == together.lines
    assert forget(forget(lines, *second).lines, *first).lines == together.lines
    again = forget(together.lines, *second)
    assert (again.lines, again.events, again.changed) == (together.lines, 0, [])


@given(COMMITS, st.data())
def test_the_other_streams_keep_their_states_and_numbers_at_every_position(commits: Commits, data: st.DataObject) -> None:
    lines = log_of(commits)
    stream = data.draw(st.sampled_from(sorted(streams_in(lines))))
    codec = Codec(CONTRACT_TYPES)
    before: Fold[Any] = Fold(TEXTS_SEEN)
    after: Fold[Any] = Fold(TEXTS_SEEN)
    for old, new in zip(lines[1:], forget(lines, stream).lines[1:], strict=True):
        before.apply(codec.commit(decode_line(old[:-1]), b""))
        after.apply(codec.commit(decode_line(new[:-1]), b""))
        assert [(each.stream, each.version, each.number) for each in before] == [
            (each.stream, each.version, each.number) for each in after
        ]
        assert [each for each in before if each.stream != stream] == [each for each in after if each.stream != stream]
        forgotten = after.get(stream)
        assert forgotten is None or forgotten.state == TEXTS_SEEN.initial
        assert stream not in after.unknown


def test_no_byte_of_the_data_is_left() -> None:
    events: Events = [("counter/1", ("counted", {"number": 1, "text": SECRET})), ("counter/2", ("counted", {"number": 1}))]
    lines = log_of([(events, {"because": SECRET, "mine": SECRET, "undoes": ["c0"]}), (events[1:], {"because": "plain"})])
    done = forget(lines, "counter/1")
    assert SECRET.encode() not in b"".join(done.lines[:2])
    assert json.loads(done.lines[1])["meta"] == {"undoes": ["c0"]}
    assert json.loads(done.lines[2])["meta"] == {"because": "plain"}
    old = {digest_in(line[:-1]) for line in lines}
    assert not old & {digest_in(line[:-1]) for line in done.lines}, "no digest of the data is left either"


def test_of_the_members_by_stream_only_the_values_of_forgotten_streams_go() -> None:
    imported = {"counter/1": "9f0c", "counter/2": "31c4"}
    first: Events = [("counter/1", ("counted", {"number": 1, "text": SECRET})), ("counter/2", ("counted", {"number": 1}))]
    lines = log_of([(first, {"import": imported}), (first[1:], {"import": imported, "because": "plain"})])
    metas = [json.loads(line)["meta"] for line in forget(lines, "counter/1").lines[1:]]
    assert metas == [{"import": {"counter/2": "31c4"}}, {"import": {"counter/2": "31c4"}, "because": "plain"}]
    assert "meta" not in json.loads(forget(lines, "counter/1", "counter/2").lines[1])


def test_lines_in_another_spelling_are_forgotten_too() -> None:
    document = (
        b'{ "position": 1, "at": "2026-11-22T09:30:01.123456Z", "by": "me", "command": "c1",'
        b' "events": [{"data": {"text": "hunter2"}, "type": "counted", "version": 1, "stream": "\\u0063ounter/1"}]}'
    )
    lines = [encode_header(Header(FORMAT, VERSION, "ab", "inbox", AT))]
    lines.append(chain_line(last_digest(lines[0]), document))
    done = forget(lines, "counter/1")
    assert (done.events, SECRET.encode() in done.lines[1]) == (1, False)
    assert decode_line(done.lines[1][:-1]).events[0].stream == "counter/1"


def test_a_stream_that_another_program_gave_an_impossible_name_is_forgotten() -> None:
    lines = log_of([([("counter/", ("counted", {"number": 1}))], {})])
    done = forget(lines, "counter/", "counter/2")
    assert (done.events, done.absent) == (1, ("counter/2",))
    assert json.loads(done.lines[0])["forgotten"] == ["counter/", "counter/2"]


def test_what_cannot_be_forgotten_is_refused() -> None:
    lines = log_of([([("counter/1", ("counted", {"number": 1}))], {})])
    for streams in ([], ["counter/2"], ["counter"], ["counter/1", "counter"]):
        with pytest.raises(StreamNotFound):
            forget(lines, *streams)
    newer = [chain_line(NO_DIGEST, msgspec.json.encode({**HEADER, "version": "2.0"})), *lines[1:]]
    with pytest.raises(ReadOnlyLog, match="newer"):
        forget(newer, "counter/1")
    for wrong in ([], [b"{}\n"], [*lines, lines[-1]], [lines[0], lines[1].replace(b"me@x", b"me@y")]):
        with pytest.raises(InvalidLine):
            forget(wrong, "counter/1")


def test_all_members_of_a_commit_are_looked_at() -> None:
    assert set(CommitLine.__struct_fields__) == {"position", "at", "by", "command", "events", "meta"}, (
        "a new member may hold what is to be forgotten"
    )
