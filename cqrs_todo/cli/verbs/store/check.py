"""`todo store check`: whether a store does what lists need."""

from collections import Counter

from ....cqrs.errors import CqrsError
from ....cqrs.stores import open_store
from ....todo.recorder import TYPES
from ...errors import UsageError, to_install
from ...output import print_line, print_row
from ...reports import count_of
from ...session import Session
from ...text import printable, visible
from ...verb import Argument, Verb


class UnfitStore(CqrsError):
    """A store does not do everything that lists need."""

    hint = "see the cases above: use another server or disk for lists, or correct the store if it is yours"


def check(session: Session, url: str | None) -> None:
    """Run the store contract against a store, and print the cases that fail.

    Raises:
        UnfitStore: A case failed.
    """
    session.refuse_at("store check tests a store as it is now, and takes no --at")
    url = session.store_url if url is None else session.url_of(url)
    try:
        from ....cqrs.testing.check import check_store
    except ImportError as error:
        raise UsageError(f"the check needs the extra `testing` ({error})", f"install it {to_install('testing')}") from error
    where = open_store(url, TYPES).url  # without a password
    session.progress.begin(f"checking {visible(where)}")
    cases = check_store(url, session.progress)
    count = Counter(case.outcome for case in cases)
    if session.options.json:
        from ... import document

        rows = [{"name": case.name, "outcome": case.outcome, "detail": printable(case.detail)} for case in cases]
        print_line(document.encode({"store": printable(where), "cases": rows}))
    for case in cases:
        if session.options.plain:
            print_row(case.name, case.outcome, case.detail)
        elif not session.options.json and case.outcome != "holds":
            print_line(visible(f"{case.outcome}: {case.name}: {case.detail}"))
    if not session.options.json and not session.options.plain:
        apart = count["does not apply"]
        rest = f", {apart} {'does' if apart == 1 else 'do'} not apply" if apart else ""
        print_line(visible(f"{count['holds']} of {count_of(len(cases), 'case')} passed in {where}{rest}"))
    if count["holds"] + count["does not apply"] < len(cases) or not count["holds"]:
        failed = f"{count_of(count['fails'], 'case')} {'fails' if count['fails'] == 1 else 'fail'}"
        raise UnfitStore(f"{where} does not keep the contract of a store: {failed}")


VERB = Verb(
    name="check",
    help=("Test whether lists can be kept in a store. The tests use a temporary area of it, which is removed afterwards."),
    examples=("todo store check postgresql://me@server/lists", "todo store check jsonl:/mnt/share"),
    action=check,
    scope="store",
    arguments=(Argument("url", "URL", "The store. Default: the one in use.", required=False),),
    synonyms={"": "test verify"},
)
