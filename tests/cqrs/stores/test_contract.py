"""The shared contract, on every store that keeps what it is given; and the null store, which does not."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cqrs_todo.cqrs.errors import LogNotFound, WrongExpectedVersion
from cqrs_todo.cqrs.events import EventTypes
from cqrs_todo.cqrs.store import NEW, Log, Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.installed import UnknownStore
from cqrs_todo.cqrs.stores.jsonl.log import JsonlLog
from cqrs_todo.cqrs.testing.contract import StoreContract
from cqrs_todo.cqrs.testing.examples import AT, CONTRACT_TYPES, metadata, one


class TestMemory(StoreContract):
    @pytest.fixture
    def store(self) -> Store:
        return open_store("memory:", CONTRACT_TYPES)


class TestJsonLines(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return open_store(f"jsonl:{tmp_path}/data", CONTRACT_TYPES)

    def elsewhere(self, store: Store, types: EventTypes) -> Store:
        return open_store(store.url, types)


class PlainLog(JsonlLog):
    """Has the base methods of `Log` wherever there are some."""

    commits = Log.commits
    commits_backward = Log.commits_backward
    find_command = Log.find_command
    events = Log.events
    events_backward = Log.events_backward
    select = Log.select
    selected = Log.selected
    has_grown = Log.has_grown


@pytest.mark.long
class TestBaseMethods(TestJsonLines):
    @pytest.fixture(autouse=True)
    def plain_logs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("cqrs_todo.cqrs.stores.jsonl.store.JsonlLog", PlainLog)


@pytest.mark.skipif(sys.platform == "emscripten", reason="no server can be reached there")
class TestPostgres(StoreContract):
    @pytest.fixture
    def store(self, database: str) -> Iterator[Store]:
        self.url = database
        self.opened: list[Store] = []
        yield self.elsewhere(None, CONTRACT_TYPES)
        for store in self.opened:
            store.close()

    def elsewhere(self, store: Store | None, types: EventTypes) -> Store:
        self.opened.append(open_store(self.url, types))
        return self.opened[-1]


class TestNull:
    @pytest.fixture
    def store(self) -> Store:
        return open_store("null:", CONTRACT_TYPES)

    def test_it_accepts_as_if_empty_and_keeps_nothing(self, store: Store) -> None:
        log = store.create("inbox", AT)
        for command in ("c1", "c2"):
            commit = log.append(one("a/1", 1, 2, expected=NEW), metadata(command))
            assert [(event.position, event.version) for event in commit.events] == [(1, 1), (2, 2)]
        with pytest.raises(WrongExpectedVersion):
            log.append(one("a/1", 3, expected=2), metadata("c3"))
        assert list(log.commits()) == list(log.commits_backward()) == []
        assert list(log.events()) == list(log.events_backward()) == []

    def test_no_log_is_ever_there(self, store: Store) -> None:
        store.create("inbox", AT)
        assert store.names() == store.names(archived=True) == []
        for use in (store.open, store.archive, store.unarchive):
            with pytest.raises(LogNotFound):
                use("inbox")
        with pytest.raises(LogNotFound):
            store.rename("inbox", "outbox")


WRONG = {
    "TestOffByOne": {"test_a_precondition_that_holds", "test_a_precondition_that_is_broken"},
    "TestBoundless": {"test_forward_reading_since_with_limits", "test_a_stream_is_read_by_version"},
    "TestSketchy": {"test_event_batches_say_what_the_commits_say"},
    "TestShared": {"test_logs_know_nothing_of_each_other"},
    "TestShort": {"test_a_log_of_2_500_commits_is_read_and_searched_to_its_end_and_its_first_command_is_recorded_once"},
    "TestHasty": {"test_a_log_is_searched_on_from_each_cursor"},
    "TestCareless": {
        "test_a_cursor_of_another_history_is_stale",
        "test_a_search_from_the_cursor_of_another_history_is_stale",
    },
    "TestShy": {"test_an_object_from_before_streams_were_forgotten_reads_the_log_as_it_is"},
    "TestRecent": {"test_a_log_of_2_500_commits_is_read_and_searched_to_its_end_and_its_first_command_is_recorded_once"},
    "TestUnguarded": {"test_a_stream_is_guarded_without_being_written"},
    "TestUnconditional": {"test_an_append_is_refused_if_an_event_matches_its_condition"},
    "TestKindBlind": {"test_a_condition_fails_just_when_its_query_selects_an_event_after_its_position"},
    "TestFirstItem": {"test_a_condition_fails_just_when_its_query_selects_an_event_after_its_position"},
    "TestMixing": {"test_a_condition_fails_just_when_its_query_selects_an_event_after_its_position"},
    "TestRecentCondition": {"test_a_condition_fails_just_when_its_query_selects_an_event_after_its_position"},
    "TestEither": {"test_each_precondition_and_each_guard_counts_also_beside_a_condition"},
    "TestOneGuard": {"test_each_precondition_and_each_guard_counts_also_beside_a_condition"},
    "TestDouble": {"test_large_numbers_are_kept_exactly"},
    "TestRacy": {"test_of_several_who_write_at_the_same_time_what_excludes_the_others_one_succeeds"},
    "TestRacyCommand": {"test_a_command_that_several_send_at_the_same_time_is_recorded_once"},
    "TestPaged": {"test_a_log_of_2_500_commits_is_read_and_searched_to_its_end_and_its_first_command_is_recorded_once"},
    "TestLossy": {"test_a_log_of_2_500_commits_is_read_and_searched_to_its_end_and_its_first_command_is_recorded_once"},
    "TestLate": {"test_a_search_whose_log_grows_meanwhile_goes_on_from_its_last_cursor_and_loses_nothing"},
    "TestKindOrTag": {"test_a_query_selects_events_by_type_tag_and_kind"},
    "TestOneShort": {"test_a_stream_is_read_by_version"},
    "TestIncurious": {
        "test_a_stream_without_a_kind_or_an_id_is_refused",
        "test_a_name_that_not_every_store_can_keep_is_refused",
    },
    "TestCaseless": {"test_streams_tags_kinds_and_commands_that_differ_by_case_are_different"},
    "TestCaselessTag": {"test_streams_tags_kinds_and_commands_that_differ_by_case_are_different"},
    "TestUnlocked": {"test_while_logs_are_written_together_nobody_else_writes_to_them"},
    "TestForeign": {"test_only_logs_of_the_store_are_written_together"},
    "TestNesting": {"test_what_is_done_together_does_not_begin_to_do_something_together"},
    "TestTwice": {"test_what_is_done_together_is_done_once_if_it_fails"},
    "TestDigestOnly": {"test_a_cursor_whose_digest_is_that_of_another_position_is_stale"},
    "TestUnsorted": {"test_parked_events_are_given_by_their_positions"},
    "TestStrict": {"test_an_event_that_cannot_be_read_does_not_matter_to_other_streams"},
    "TestPicky": {"test_a_command_is_recognised_also_if_an_event_of_its_commit_cannot_be_read"},
    "TestCounting": {
        "test_a_command_is_recognised_also_if_a_merge_has_added_an_event_to_it",
        "test_a_command_is_recognised_also_if_one_event_of_it_has_become_several",
    },
    "TestWholeStream": {"test_an_event_that_cannot_be_read_does_not_matter_to_other_streams"},
    "TestSkipping": {"test_a_search_stops_before_an_event_that_cannot_be_read_and_goes_on_from_there"},
    "TestOver": {"test_a_search_stops_before_an_event_that_cannot_be_read_and_goes_on_from_there"},
    "TestTrusting": {
        "test_lines_that_could_not_be_appended_are_not_imported",
        "test_names_and_members_that_are_not_appended_are_not_imported",
    },
    "TestAllLines": {"test_the_lines_of_a_log_are_read_from_a_cursor_on"},
    "TestLying": {"test_of_work_together_that_fails_an_atomic_store_keeps_nothing_and_any_other_store_each_append"},
    "TestArchiving": {"test_archive_and_back_keeps_everything"},
    "TestRenamingStore": {"test_rename_keeps_everything"},
    "TestBaseless": {"test_checkpoints_are_kept_by_reaction_and_log"},
    "TestBeginless": {
        "test_a_reaction_never_gets_what_was_in_the_log_when_it_began",
        "test_checkpoints_are_kept_by_reaction_and_log",
    },
    "TestUncounting": {"test_checkpoints_are_kept_by_reaction_and_log"},
    "TestDecoding": {"test_a_condition_is_decided_by_the_recorded_types_and_tags_of_events_that_cannot_be_read"},
    "TestObliging": {"test_what_is_done_together_cannot_rename_archive_or_forget_its_logs"},
    "TestUnchecked": {"test_a_member_that_is_never_forgotten_holds_what_its_name_says"},
    "TestTagless": {"test_the_tags_of_events_are_recorded"},
    "TestLoose": {"test_a_value_that_json_cannot_hold_is_refused"},
    "TestRenaming": {"test_a_name_that_not_every_store_can_keep_is_refused"},
    "TestHead": {"test_a_cursor_is_not_ahead_of_what_was_read"},
    "TestLabelled": {"test_forgotten_events_keep_their_places_and_nothing_else"},
    "TestTalkative": {
        "test_a_commit_with_a_forgotten_event_keeps_no_text",
        "test_a_member_by_stream_loses_only_the_values_of_forgotten_streams",
    },
    "TestRecounting": {"test_to_forget_again_changes_nothing"},
    "TestAgreeable": {"test_forgetting_what_is_not_there_is_refused"},
    "TestGullible": {"test_forgetting_what_is_not_there_is_refused"},
    "TestBoasting": {"test_a_store_and_its_logs_say_which_events_are_registered"},
    "TestLive": {"test_an_archived_log_can_forget"},
    "TestReviving": {"test_nothing_is_appended_to_a_forgotten_stream"},
    "TestUnnoticed": {"test_others_notice_that_streams_were_forgotten"},
    "TestStuck": {"test_a_writer_that_has_read_the_log_before_goes_on"},
    "TestSilent": {"test_a_reaction_goes_on_after_streams_were_forgotten"},
    "TestParking": {"test_a_forgotten_event_is_no_longer_parked"},
    "TestHoarding": {"test_shared_snapshots_hold_nothing_that_was_forgotten"},
    "TestForgetful": {"test_checkpoints_are_kept_for_other_programs", "test_parked_events_are_kept_for_other_programs"},
}
"""Among what must fail for each of the stores that are wrong."""
RIGHT = ("test_a_new_log_is_empty_and_known", "test_append_gives_positions_and_versions_from_one", "test_any_text_survives")
"""What all of them do right."""


@pytest.mark.skipif(sys.platform == "emscripten", reason="no process can be started there")
def test_each_wrong_store_fails_in_the_right_case() -> None:
    suite = Path(__file__).parent / "wrong_stores.py"
    cases = [f"{suite}::{wrong}::{case}" for wrong, wanted in WRONG.items() for case in (*sorted(wanted), *RIGHT)]
    command = [sys.executable, "-m", "pytest", "-rfp", "--tb=no", "-p", "no:cacheprovider", *cases]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3])
    ended = {
        outcome: {wrong: set(re.findall(rf"^{outcome} .*::{wrong}::(\w+)", ran.stdout, re.MULTILINE)) for wrong in WRONG}
        for outcome in ("FAILED", "PASSED")
    }
    assert ended["FAILED"] == WRONG, ran.stdout
    assert all(ended["PASSED"].values()), "what it does right is not held against it"


@pytest.mark.parametrize("url", ["", "jsonl", "memory", "null", "sqlite:x", "/tmp/x"])
def test_an_unknown_store_is_refused(url: str) -> None:
    with pytest.raises(UnknownStore, match="use jsonl:DIR, postgresql://HOST/DATABASE, memory: or null:"):
        open_store(url, CONTRACT_TYPES)


def test_the_scheme_of_an_unknown_store_may_be_one_of_a_package_that_is_missing() -> None:
    with pytest.raises(UnknownStore, match=r"^unknown store 'onetable:': use .*; or install the package that offers it$"):
        open_store("onetable:x", CONTRACT_TYPES)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("jsonl:", "jsonl: needs a folder: use jsonl:DIR"),
        ("postgres:", "postgres: needs a database: use postgresql://HOST/DATABASE"),
        ("memory:x", "memory: takes nothing after the colon"),
        ("null:x", "null: takes nothing after the colon"),
    ],
)
def test_a_url_that_is_not_complete_is_explained(url: str, words: str) -> None:
    with pytest.raises(UnknownStore, match=f"^{words}$"):
        open_store(url, CONTRACT_TYPES)
