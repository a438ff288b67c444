"""What the admin API accepts. Everything that is wrong with a request is told at once, by field."""

from datetime import date
from typing import Annotated, Self, TypeVar

from aiohttp import web
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from engine.web.problems import INVALID, Refused
from state.lifecycle import Effect, State
from state.store import Filter
from state.transaction import Kind

Input = TypeVar("Input", bound=BaseModel)

_LARGEST = 2**63 - 1  # the store's integers
_MOST = 200  # transactions of one page
_SEEN = 1000  # previews of one request, well below the largest body


def _one_line(value: object) -> object:
    return " ".join(value.split()) if isinstance(value, str) else value


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must be printable text")
    return value


Id = Annotated[int, Field(gt=0, le=_LARGEST)]
Line = Annotated[str, BeforeValidator(_one_line), AfterValidator(_printable)]


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Reasoned(_Input):
    """An action that needs a reason, which history keeps as one line."""

    reason: Annotated[Line, Field(min_length=3, max_length=500)]


Hash = Annotated[str, Field(pattern="^[0-9a-f]{8,64}$")]
"""What a document said, as a preview told it."""


class Looked(Reasoned):
    """A document is let go; only as it was seen, if a preview is named."""

    preview: Hash | None = None


class Forced(Reasoned):
    """A forced move: where the caller saw the transaction, where it shall be, and the document a person made of it."""

    expected: State
    destination: State
    document_id: Annotated[Line, Field(min_length=1, max_length=64)] | None = None


class Days(_Input):
    """A span of days, both ends included."""

    first: date
    last: date

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.last < self.first:
            raise ValueError("the last day is before the first one")
        return self


class Filled(Reasoned, Days):
    """A backfill: the days to be taken in after all."""


class Released(Reasoned):
    """Which of the new documents that wait for it are let go: of one kind, dated up to a day, or all.

    With `previews`, none but these, and only as they were seen.
    """

    kind: Kind | None = None
    dated_until: date | None = None
    previews: Annotated[dict[Id, Hash], Field(max_length=_SEEN)] | None = None


class Effects(Reasoned):
    """A pause, or its end: which effects, all unless named."""

    effects: Annotated[frozenset[Effect], Field(min_length=1)] = frozenset(Effect)


class Copied(_Input):
    """A backup: the new file that the daemon shall write."""

    file: Annotated[str, AfterValidator(_printable), Field(min_length=1, max_length=4000)]


class Foreseeing(_Input):
    """Which transactions to foresee: these, or those that wait, of one kind, dated up to a day, newest first."""

    ids: Annotated[list[Id], Field(min_length=1, max_length=_MOST)] | None = None
    kind: Kind | None = None
    dated_until: date | None = None
    unreleased: bool = False
    before: Id | None = None
    limit: Annotated[int, Field(ge=1, le=_MOST)] = 50

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        if self.ids is not None and self.model_fields_set > {"ids"}:
            raise ValueError("ids stand alone: what is named is not filtered")
        return self

    @property
    def filter(self) -> Filter:
        """What the store is asked for."""
        return Filter(kind=self.kind, unbooked=True, unbooked_until=self.dated_until, unreleased=self.unreleased)


class Listing(_Input):
    """Which transactions to show."""

    state: State | None = None
    kind: Kind | None = None
    problem: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    search: Annotated[Line, Field(min_length=1, max_length=200)] | None = None
    unreleased: bool = False
    unbooked_until: date | None = None
    before: Annotated[int, Field(gt=0, le=_LARGEST)] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50

    @property
    def filter(self) -> Filter:
        """What the store is asked for."""
        return Filter(**self.model_dump(exclude={"before", "limit"}))


async def body(request: web.Request, shape: type[Input]) -> Input:
    """Return the JSON body as `shape`; raise Refused with every field that is wrong."""
    try:
        return shape.model_validate_json(await request.read())
    except ValidationError as error:
        raise _refused(error, "body") from None


def query(request: web.Request, shape: type[Input]) -> Input:
    """Return the query parameters as `shape`; raise Refused with every one that is wrong, unknown or repeated."""
    given: dict[str, list[str]] = {name: request.query.getall(name) for name in request.query}
    values = {name: texts[0] if len(texts) == 1 else texts for name, texts in given.items()}
    try:
        return shape.model_validate(values)
    except ValidationError as error:
        raise _refused(error, "query") from None


def _refused(error: ValidationError, whole: str) -> Refused:
    fields = [
        {"field": ".".join(map(str, found["loc"])) or whole, "detail": found["msg"]}
        for found in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    return Refused(INVALID, "; ".join(f"{field['field']}: {field['detail']}" for field in fields), errors=fields)
