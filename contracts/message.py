"""What every message is made of: commands ask, events state facts, queries read, views answer.

A message is written once, here or in a module of its service, and means the same to everybody who imports it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, ClassVar, Generic, TypeAlias, cast, get_args
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, SerializerFunctionWrapHandler, model_serializer
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from typing_extensions import TypeVar

from contracts.moments import Moment, RecordedMoment


class Role(StrEnum):
    """The six kinds of people the guide names (L-05)."""

    SUPER_MANAGER = "super_manager"
    DISTRIBUTOR = "distributor"
    INSTALLER = "installer"
    PROPERTY_MANAGER = "property_manager"
    FAMILY_MASTER = "family_master"
    FAMILY_MEMBER = "family_member"


class Actor(BaseModel):
    """Who acts, for whom, and from where. The gateway signs it, every service checks it.

    `distributor_id`, `installer_id` and `household_id` are the actor's own place in the tenant tree: an installer has
    the first two, a resident all three. `impersonator_id` is the person behind an account-access session.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    account_id: str
    role: Role
    distributor_id: str | None = None
    installer_id: str | None = None
    household_id: str | None = None
    impersonator_id: str | None = None
    session_id: str | None = None
    address: str | None = None


class PersonalMark:
    """Marks a field whose value is encrypted before it enters the log and unreadable once its key is destroyed."""


class FilledMark:
    """Marks a command field that its own service fills in before it decides; refused when it comes over the wire."""


class OpenMark:
    """Marks a field of an answer that is no secret. Whatever is not marked is one (`contracts.acting`)."""


Personal = Annotated[str, PersonalMark()]
T = TypeVar("T")
Open: TypeAlias = Annotated[T, OpenMark()]


class Erased(str):
    """What a personal field reads as once its household's key is destroyed."""

    __slots__ = ()


ERASED = Erased("erased")


def _marked(annotation: object, mark: type) -> bool:
    metadata: Iterator[object] = iter(getattr(annotation, "__metadata__", ()))
    return any(isinstance(each, mark) for each in metadata) or any(_marked(each, mark) for each in get_args(annotation))


@cache
def fields_marked(message: type[BaseModel], mark: type) -> frozenset[str]:
    """The names of the fields of `message` that carry `mark`, also inside `X | None` and `tuple[X, ...]`."""
    return frozenset(
        name
        for name, field in message.model_fields.items()
        if any(isinstance(each, mark) for each in field.metadata) or _marked(field.annotation, mark)
    )


def service_of(message: type[BaseModel]) -> str:
    """The service that owns a contract: the name of its package in `contracts`, elsewhere of the module."""
    package, *inside = message.__module__.split(".")
    return inside[0] if package == "contracts" else (package, *inside)[-1]


class View(BaseModel):
    """An answer to a query."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Answer(View):
    """What only one kind of command answers: here nothing. A field without a value is left out.

    A field is a secret unless it says that it is none: `Open`.
    """

    @model_serializer(mode="wrap")
    def _written(self, write: SerializerFunctionWrapHandler):  # type: ignore[no-untyped-def]
        return {name: value for name, value in write(self).items() if value is not None}

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The shape as it is written: nothing is null, and only what always has a value is required."""
        described = handler(core)
        shape = handler.resolve_ref_schema(described)
        for field in shape["properties"].values():
            field.pop("default", None)
            kinds = [each for each in field.pop("anyOf", ()) if each != {"type": "null"}]
            field.update(kinds[0] if len(kinds) == 1 else {"anyOf": kinds} if kinds else {})
        shape.pop("required", None)
        if required := [name for name, field in cls.model_fields.items() if field.is_required()]:
            shape["required"] = required
        return described


A = TypeVar("A", bound=Answer, default=Answer)
A_co = TypeVar("A_co", bound=Answer, default=Answer, covariant=True)


class Command(BaseModel, Generic[A_co]):
    """A wish, in the imperative. `command_id`, `at` and `actor` are stamped by the gateway, never by the client.

    `Command[KeyAnswer]` answers a `KeyAnswer`; a plain `Command` nothing but that it was accepted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    command_id: UUID
    at: Moment
    actor: Actor


class Query(BaseModel):
    """A question. `after` is a position the answer must already contain; the service waits for it, within bounds."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    actor: Actor
    after: str | None = Field(default=None, max_length=512)


class Event(BaseModel):
    """A fact, in the past tense. Published events never change: a new shape is a new `version`."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    version: ClassVar[int] = 1

    @classmethod
    def type_name(cls) -> str:
        """The CloudEvents type, for example `accounts.UserReset.v1`."""
        return f"{service_of(cls)}.{cls.__name__}.v{cls.version}"


class FieldRefusal(BaseModel):
    """One thing wrong with one field of a message."""

    model_config = ConfigDict(frozen=True)

    field: str
    code: str
    detail: str


class Refusal(BaseModel):
    """Why a message was not obeyed: a stable kebab-case code, a sentence, and the fields at fault."""

    model_config = ConfigDict(frozen=True)

    code: str
    detail: str
    errors: tuple[FieldRefusal, ...] = ()


class Refused(Exception):
    """The business says no. `code` is stable and kebab-case; `field` names the field at fault, where there is one.

    `errors` name several things at fault, each with a code of its own; `field` is then that of the first.
    """

    def __init__(
        self, code: str, detail: str = "", *, field: str | None = None, errors: Sequence[FieldRefusal] = ()
    ) -> None:
        field = errors[0].field if errors else field
        super().__init__(code, detail, field)
        self.code = code
        self.detail = detail
        self.field = field
        self.errors = tuple(errors)

    def __str__(self) -> str:
        return self.code

    def refusal(self) -> Refusal:
        """The refusal as it is sent to whoever asked."""
        one = (FieldRefusal(field=self.field, code=self.code, detail=self.detail),) if self.field else ()
        return Refusal(code=self.code, detail=self.detail, errors=self.errors or one)


class Accepted(BaseModel, Generic[A]):
    """The answer to a command: what it was about, and the position of its last event (unchanged when there was none).

    `id` is the aggregate; `position` can be passed as `after` to any query; `extra` is what only this command answers.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    position: str
    extra: A

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """Its name in documents: `NewUserAccepted` with a `NewUserAnswer`."""
        return f"{params[0].__name__.removesuffix('Answer')}{cls.__name__}"


def answer_of(command: type[Command[A]]) -> type[A]:
    """What a command declares to answer."""
    return cast("type[A]", _answer_of(command))


def accepted_of(command: type[Command[A]]) -> type[Accepted[A]]:
    """The whole answer to a command."""
    return cast("type[Accepted[A]]", Accepted.__class_getitem__(_answer_of(command)))


@cache
def _answer_of(command: type[BaseModel]) -> type[Answer]:
    made_of = (vars(each)["__pydantic_generic_metadata__"] for each in command.__mro__ if issubclass(each, Command))
    return next((each["args"][0] for each in made_of if each["origin"] is Command), Answer)


class Position(BaseModel):
    """A place in one service's log: the name of its stream and a sequence in it."""

    model_config = ConfigDict(frozen=True)

    stream: str
    seq: int

    def __str__(self) -> str:
        return f"{self.stream}.{self.seq}"

    @classmethod
    def parse(cls, text: str) -> Position:
        """Raises `ValueError` on anything that `str` of a position would not print."""
        stream, _, seq = text.rpartition(".")
        if not stream.isupper() or not stream.isascii() or not (seq.isascii() and seq.isdecimal()) or len(seq) > 18:
            raise ValueError(f"not a position: {text[:40]!r}")
        return cls(stream=stream, seq=int(seq))


class Recorded(BaseModel):
    """An event as it stands in the log, with who caused it and when. `seq` counts within `stream`."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    stream: str
    seq: int
    aggregate: str
    aggregate_id: str
    event: Event
    event_id: str
    at: RecordedMoment
    actor: Actor
    command_id: str
    correlation_id: str
    traceparent: str | None = None
