"""The types of the graph. Money is a decimal string, a date an ISO date, and a term a code such as `2026-3`."""

import asyncio
import datetime
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.extensions import (
    DisableIntrospection,
    MaxAliasesLimiter,
    MaxTokensLimiter,
    ParserCache,
    ValidationCache,
)
from strawberry.federation.schema import FederationAny
from strawberry.schema.exceptions import CannotGetOperationTypeError
from strawberry.types import ExecutionContext, ExecutionResult

from functions.adapters import observability
from functions.adapters.graphql.figures import Figures, Lines
from functions.domain.accounts import Standing, StudentAccount
from functions.domain.errors import InvalidRequest

# Nothing in the graph leads back to where it came from, so its types bound how deep a query goes; these, how wide.
MOST_STUDENTS = 20  # in one list
MOST_ALIASES = 30
MOST_TOKENS = 1000

Info = strawberry.Info[Figures, None]
strawberry.enum(Standing, description="What a balance is.")


@strawberry.type(description="One charge or one payment.")
class Line:
    fee_type: str = strawberry.field(description="The school's own word for it, such as Tuition.")
    amount: Decimal = strawberry.field(description="To the cent.")
    date: datetime.date | None = strawberry.field(description="Null where the school left it out.")
    currency: str | None = strawberry.field(description="ISO 4217; null: the school's own.")


@strawberry.type(description="One student's term in figures. Amounts in another currency are among the lines only.")
class Statement:
    billed: Decimal
    paid: Decimal
    balance: Decimal = strawberry.field(description="Still owed; below zero: credit.")
    standing: Standing
    charges: list[Line]
    payments: list[Line]


@strawberry.federation.type(
    keys=["id"],
    description="A student of the school. A field that is null without an error: the school does not know the student.",
)
class Student:
    id: strawberry.ID

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "Student":
        return cls(id=id)

    @strawberry.field(description="What the school has billed for the term.")
    async def billed_fees(self, info: Info, term: str) -> list[Line] | None:
        return _lines(await info.context.bills(self.id, term))

    @strawberry.field(description="What has been paid for the term.")
    async def payments(self, info: Info, term: str) -> list[Line] | None:
        return _lines(await info.context.payments(self.id, term))

    @strawberry.field(description="Both, with their totals; costs no further call of the school's system.")
    async def statement(self, info: Info, term: str) -> Statement | None:
        bills, payments = await asyncio.gather(info.context.bills(self.id, term), info.context.payments(self.id, term))
        if bills is None or payments is None:
            return None
        balance = StudentAccount(bills, payments).balance
        return Statement(
            billed=balance.billed,
            paid=balance.paid,
            balance=balance.owed,
            standing=balance.standing,
            charges=_lines(bills) or [],
            payments=_lines(payments) or [],
        )


@strawberry.type
class Query:
    @strawberry.field(description=f"Some students, at most {MOST_STUDENTS}, in the order asked for.")
    def students(self, ids: list[strawberry.ID]) -> list[Student]:
        if len(ids) > MOST_STUDENTS:
            raise _too_many_students()
        return [Student(id=item) for item in ids]

    @strawberry.field(description="One student. Whether the school knows the id shows in the student's figures.")
    def student(self, id: strawberry.ID) -> Student:
        return Student(id=id)


def _too_many_students() -> GraphQLError:
    return GraphQLError(f"More than {MOST_STUDENTS} students at once", extensions={"code": "TOO_MANY_STUDENTS"})


def _lines(lines: Lines) -> list[Line] | None:
    if lines is None:
        return None
    return [
        Line(fee_type=line.kind, amount=line.amount, date=line.day, currency=line.currency or None) for line in lines
    ]


class Schema(strawberry.federation.Schema):
    def entities_resolver(self, info: Info, representations: list[FederationAny]) -> list[FederationAny]:
        """Strawberry's own, for representations of the form that it expects."""
        if len(representations) > MOST_STUDENTS:
            raise _too_many_students()
        for item in representations:
            if (
                not isinstance(item, Mapping)
                or item.get("__typename") != "Student"
                or set(item) != {"__typename", "id"}
            ):
                raise GraphQLError(
                    'representations: expected {"__typename": "Student", "id": …}', extensions={"code": "BAD_REQUEST"}
                )
        return super().entities_resolver(info, representations)

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Only what we did not foresee is worth a line, and never with what was asked."""
        for error in errors:
            if unforeseen(error):
                observability.logger().error("graph", problem=type(error.original_error).__name__, path=error.path)


def unforeseen(error: GraphQLError) -> bool:
    """A mistake of ours, whose words are not for callers."""
    return error.original_error is not None and not isinstance(error.original_error, GraphQLError)


SCHEMA = Schema(
    query=Query,
    extensions=[
        lambda: ParserCache(maxsize=100),
        lambda: ValidationCache(maxsize=100),
        DisableIntrospection,  # its types do lead back; `_service { sdl }` tells the schema
        lambda: MaxAliasesLimiter(max_alias_count=MOST_ALIASES),
        lambda: MaxTokensLimiter(max_token_count=MOST_TOKENS),
    ],
)


def answer(request: Mapping[str, Any], figures: Figures) -> dict[str, Any]:
    """A GraphQL request `{"query", "variables", "operationName"}` -> GraphQL's `{"data", "errors"}`.

    Raises InvalidRequest when the document has no operation of that name.
    """
    try:
        result = asyncio.run(
            SCHEMA.execute(
                request.get("query"), request.get("variables"), figures, operation_name=request.get("operationName")
            )
        )
    except CannotGetOperationTypeError:
        raise InvalidRequest("operationName", "the name of an operation in the query") from None
    assert isinstance(result, ExecutionResult)
    answered: dict[str, Any] = {"data": result.data}
    if result.errors:
        answered["errors"] = [_error(error) for error in result.errors]
    return answered


def _error(error: GraphQLError) -> dict[str, Any]:
    formatted: dict[str, Any] = dict(error.formatted)
    if unforeseen(error):
        formatted |= {"message": "Something of ours broke", "extensions": {"code": "INTERNAL"}}
    return formatted
