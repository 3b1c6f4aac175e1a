"""A service's log as its readers take it: decoded, each message with the documents that it touches.

A message that cannot be read is not an error of the reader: it comes with the reason, and others come after it.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, cast

from pymongo.errors import PyMongoError

from contracts.message import Event, Recorded
from kernel.deciding.reasons import reason_of
from kernel.keeping.vault import SpoiledKey, WrongSecret
from kernel.log.promise import Log, StoredMessage, Unavailable
from kernel.reading.parking import Parked
from kernel.reading.readmodel import Drop, ReadModel

BATCH = 500


class Decoder(Protocol):
    """What makes events of messages; `kernel.deciding.codec` does."""

    async def decode_many(self, messages: Sequence[StoredMessage]) -> list[Recorded]: ...


class Incoming(NamedTuple):
    """A message on its way into the documents it touches; `poison` is the reason when it cannot get there.

    One that is of no concern here was not opened: it has neither an event nor a reason.
    """

    stream: str
    seq: int
    subject: str
    recorded: Recorded | None
    touched: tuple[tuple[ReadModel, str], ...] = ()
    dropped: tuple[tuple[ReadModel, Drop], ...] = ()
    poison: str | None = None

    def parked(self, reason: str) -> Parked:
        return Parked(self.stream, self.seq, self.subject, reason)


@dataclass(frozen=True)
class Source:
    """The log of `service`, and who can read it. `recorded_by` says which kind of aggregate records each event."""

    service: str
    log: Log
    decoder: Decoder
    recorded_by: Mapping[type[Event], str] = field(default_factory=dict)

    def recording(self, events: Iterable[type[Event]]) -> frozenset[str]:
        """The kinds of aggregates that record these events; none when it is not known of all of them."""
        kinds = frozenset(self.recorded_by.get(event, "") for event in events)
        return frozenset() if "" in kinds else kinds

    async def follow(self, after: int, models: Sequence[ReadModel], own: str) -> AsyncGenerator[list[Incoming], None]:
        """Every message above `after`, in order, in batches, for ever, with what it touches of `own`'s read models."""
        following = cast(AsyncGenerator[list[StoredMessage], None], self.log.follow(after, BATCH))
        async with contextlib.aclosing(following):
            async for messages in following:
                yield await self.incoming(messages, models, own)

    async def incoming(
        self, messages: Sequence[StoredMessage], models: Sequence[ReadModel], own: str
    ) -> list[Incoming]:
        """The messages, decoded, with the documents they touch.

        Those of another service that no read model takes are not even opened: nobody here needs what they say.
        """
        taken = messages
        if self.service != own:
            kinds = kinds_of(event for model in models for event in model.follows.get(self.service, ()))
            taken = [message for message in messages if is_of(message, kinds)]
        events = zip(taken, await decoded(self.decoder, taken), strict=True)
        opened = {message.seq: self._incoming(message, event, models, own) for message, event in events}
        return [opened.get(each.seq) or Incoming(self.log.stream, each.seq, each.subject, None) for each in messages]

    def _incoming(
        self, message: StoredMessage, event: Recorded | str, models: Sequence[ReadModel], own: str
    ) -> Incoming:
        if isinstance(event, str):
            return Incoming(self.log.stream, message.seq, message.subject, None, poison=event)
        kind = type(event.event)
        taking = [each for each in models if self.service == own or kind in each.follows.get(self.service, ())]
        try:
            touched = tuple((model, key) for model in taking for key in dict.fromkeys(model.keys(event)))
            dropped = tuple((model, drop) for model in taking if (drop := model.drops(event)) is not None)
        except Exception as failure:  # noqa: BLE001 (whatever one event does to a read model, the others go on)
            return Incoming(self.log.stream, message.seq, message.subject, None, poison=reason_of(failure))
        return Incoming(self.log.stream, message.seq, message.subject, event, touched, dropped)


def kinds_of(events: Iterable[type[Event]]) -> frozenset[str]:
    """What these events are called, in whatever version."""
    return frozenset(event.type_name().rpartition(".v")[0] for event in events)


def is_of(message: StoredMessage, kinds: Collection[str]) -> bool:
    """Whether the message states an event that is called so, or nobody knows what it states."""
    kind = message.headers.get("ce-type")
    return kind is None or kind.rpartition(".v")[0] in kinds


async def decoded(decoder: Decoder, messages: Sequence[StoredMessage]) -> list[Recorded | str]:
    """Each message's event, or the reason why there is none. Raises only what may pass, such as a silent vault."""
    try:
        return list(await decoder.decode_many(messages))
    except Exception as failure:
        if isinstance(failure, (PyMongoError, Unavailable, WrongSecret)) and not isinstance(failure, SpoiledKey):
            raise
        if len(messages) == 1:
            return [reason_of(failure)]
    return [each for message in messages for each in await decoded(decoder, [message])]
