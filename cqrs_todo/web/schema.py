"""The schema: its parts, its limits, and how its errors are shown."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from functools import lru_cache
from typing import Any

import strawberry
from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    SelectionSetNode,
    TokenKind,
)
from strawberry.exceptions import MissingQueryError
from strawberry.extensions import (
    AddValidationRules,
    MaxAliasesLimiter,
    MaxTokensLimiter,
    ParserCache,
    QueryDepthLimiter,
    SchemaExtension,
    ValidationCache,
)
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from .desk import Desk
from .fields import describe, shorten
from .mutations import Mutations
from .queries import Query
from .scalars import SCALARS
from .subscription import Subscription
from .work import Views, Work, refusal
from .worker import Stopping, Worker

DEEPEST = 12
"""How deep a query may be nested. The introspection of GraphiQL is not counted."""
MOST_ALIASES = 50
MOST_TOKENS = 3_000
"""How many tokens a query may have. The introspection of GraphiQL has about 500."""
MOST_FIELDS = 2_000
"""How many fields a query may have when its fragments are written out."""
_LONGEST_NUMBER = 1_000
_MOST_CACHED = 100
"""How many queries are kept parsed and checked."""


class _Checked(SchemaExtension):
    """Refuses queries of several operations, and those whose fragments, written out, are very long.

    Each of thirty fragments can use the next one twice. The other limits visit every use, which would take years.
    """

    def on_parse(self) -> Iterator[None]:
        """Count the fields once the query is parsed."""
        yield
        document = self.execution_context.graphql_document
        if document is None:  # it cannot be parsed
            return
        if self.execution_context._provided_operation_name is None and _operations(document) > 1:
            raise refusal("the request has several operations: name one", "INVALID")  # Strawberry would take the first
        if _has_long_number(document):
            raise refusal(f"a number in the query has more than {_LONGEST_NUMBER} digits", "INVALID")
        if _fields_written_out(document) > MOST_FIELDS:
            raise refusal(f"the query has more than {MOST_FIELDS:,} fields when its fragments are written out", "TOO_LARGE")


def _operations(document: DocumentNode) -> int:
    return sum(isinstance(each, OperationDefinitionNode) for each in document.definitions)


@lru_cache(maxsize=_MOST_CACHED)
def _has_long_number(document: DocumentNode) -> bool:
    """Return whether a query has a number that GraphQL would fail with: Python does not convert any number of digits."""
    token = None if document.loc is None else document.loc.start_token
    while token is not None:
        if token.kind is TokenKind.INT and len(token.value or "") > _LONGEST_NUMBER:
            return True
        token = token.next
    return False


@lru_cache(maxsize=_MOST_CACHED)
def _fields_written_out(document: DocumentNode) -> int:
    fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    counted: dict[str, int] = {}

    def count(selections: SelectionSetNode | None) -> int:
        total = 0
        for each in () if selections is None else selections.selections:
            if isinstance(each, FragmentSpreadNode):
                total += count_fragment(each.name.value)
            else:
                total += 1 + count(getattr(each, "selection_set", None))
        return total

    def count_fragment(name: str) -> int:
        if name not in fragments:  # the limit of the depth fails with it, before the validation refuses it
            raise refusal(f"there is no fragment {name!r}", "INVALID")
        if name not in counted:
            counted[name] = 0  # a fragment that uses itself is refused by the validation
            counted[name] = count(fragments[name].selection_set)
        return counted[name]

    operations = (each for each in document.definitions if isinstance(each, OperationDefinitionNode))
    return sum(count(each.selection_set) for each in operations) + sum(map(count_fragment, fragments))


class Schema(strawberry.Schema):
    """The schema of the server. Everything but subscriptions is done in a thread of the worker."""

    def __init__(self, desk: Desk | None = None, worker: Worker | None = None) -> None:
        """Make the schema.

        Args:
            desk: The program that starts the server. Without one, only the SDL can be printed.
            worker: The thread that works with the store.
        """
        # the same rules each time, because the cache compares them
        limits = [*QueryDepthLimiter(DEEPEST).validation_rules, *MaxAliasesLimiter(MOST_ALIASES).validation_rules]
        super().__init__(
            Query,
            Mutations,
            Subscription,
            extensions=[
                lambda: MaxTokensLimiter(MOST_TOKENS),
                lambda: ParserCache(_MOST_CACHED),
                _Checked,
                lambda: AddValidationRules(limits),
                lambda: ValidationCache(_MOST_CACHED),
            ],
            config=StrawberryConfig(scalar_map=SCALARS),
        )
        describe(self._schema)
        shorten(self._schema)
        self._desk = desk
        self._other_desk = None if desk is None else desk.other()
        self._worker = worker
        self._views, self._other_views = Views(), Views()

    def work(self) -> Work:
        """Begin a request."""
        desk, other, worker = self._desk, self._other_desk, self._worker
        if desk is None or other is None or worker is None:
            raise TypeError("this schema has no lists")
        return Work(desk, worker, self._views, lambda: Work(other, worker, self._other_views))

    async def execute(self, query: str | None, *args: Any, **kwargs: Any) -> ExecutionResult:
        """Execute a query or a mutation in a thread of the worker."""
        request = kwargs.get("context_value")
        if not isinstance(request, Work):
            raise TypeError("this is not a request")

        allowed = kwargs.get("allowed_operation_types") or set(OperationType)
        kwargs["allowed_operation_types"] = set(allowed) - {OperationType.SUBSCRIPTION}

        def job(work: Work) -> ExecutionResult:
            return self.execute_sync(query, *args, **{**kwargs, "context_value": work})

        return await request.do(job)

    async def stream(self, query: str | None, *args: Any, **kwargs: Any) -> Any:
        """Execute a subscription. Queries and mutations are refused here, because this is not the thread of the worker."""
        kwargs["allowed_operation_types"] = {OperationType.SUBSCRIPTION}
        return self._with_errors(await super().stream(query, *args, **kwargs))

    async def _with_errors(self, results: AsyncGenerator[Any, None]) -> AsyncIterator[Any]:
        """Yield the results of a subscription, or the error if it cannot be read, which Strawberry would not send."""
        try:
            async with aclosing(results):
                async for result in results:
                    yield result
        except GraphQLError as error:
            extensions = error.extensions or {"code": "INVALID"}
            # not the error itself: for an error of syntax, Strawberry closes the socket
            shown = GraphQLError(error.message, source=error.source, positions=error.positions, extensions=extensions)
            yield PreExecutionError(data=None, errors=[shown])

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Put in place of each error what clients see of it; they see no text of an error that nobody foresaw."""
        errors[:] = [self._shown(error) for error in errors]

    def _shown(self, error: GraphQLError) -> GraphQLError:
        original = error.original_error
        while isinstance(original, GraphQLError) and original.original_error is not None:
            original = original.original_error
        if original is None or isinstance(original, GraphQLError):
            if not error.extensions:
                error.extensions = {"code": "INVALID"}
            return error
        if isinstance(original, InvalidOperationTypeError | CannotGetOperationTypeError | MissingQueryError):
            message, extensions = error.message, {"code": "INVALID"}
        elif isinstance(original, RecursionError):
            message, extensions = "the query is nested too deeply", {"code": "TOO_LARGE"}
        elif isinstance(original, Stopping):
            message, extensions = "the server ends", {"code": "STOPPING"}
        else:
            message, extensions = self._public(original)
        return GraphQLError(message, nodes=error.nodes, path=error.path, extensions=extensions)

    def _public(self, error: Exception) -> tuple[str, dict[str, Any]]:
        public = None if self._desk is None else self._desk.public_error(error)
        if public is None:
            if self._desk is not None:
                self._desk.report(error)
            return "an error in the server; it was reported on the terminal of the server", {"code": "INTERNAL"}
        hint = {} if public.hint is None else {"hint": public.hint}
        return public.message, {"code": public.code, **hint}


def sdl() -> str:
    """Return the schema in the schema definition language."""
    return Schema().as_str()
