"""What each process of a region may say and hear on NATS, made from what it has to do with the others.

The rule it protects: a gateway publishes no event and touches no stream, a service publishes its own events alone and
changes no stream (one that it may change, it may have drop its past and keep what is said to others), and nobody reads
answers or commands that are for another.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from contracts.modules import MODULES

OPERATOR = "app"
"""The user of `smartplus` itself, who may do everything in the account APP."""

_TIMERS, _PROBES = "SCHED", "PROBE"


@dataclass(frozen=True)
class Part:
    """A process: whether it keeps a log and jobs, whose logs it follows, whom it asks; what it says and hears."""

    keeps_log: bool = True
    has_jobs: bool = False
    follows: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    hears: tuple[str, ...] = ()


PARTS: Mapping[str, Part] = {
    "accounts": Part(),
    "devices": Part(
        follows=("accounts",),
        asks=("accounts",),
        says=("device.*.cmd", "devices.link.>"),
        hears=("device.*.state", "device.*.ack", "device.*.event", "device.*.web", "devices.link.>"),
    ),
    "gateway": Part(keeps_log=False, asks=tuple(MODULES), says=("gateway.>",), hears=("gateway.>", "live.>")),
}


@dataclass(frozen=True)
class Rights:
    """The subjects that a user may publish and subscribe."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]

    def configuration(self) -> str:
        """As nats-server reads it."""
        publish, subscribe = (json.dumps(subjects) for subjects in (self.publish, self.subscribe))
        return f"{{ publish: {publish}, subscribe: {subscribe} }}"


def rights_of(name: str) -> Rights:
    """What the process called `name` needs, and no more."""
    part = PARTS[name]
    publish = [*part.says, *(f"{kind}.{asked}.>" for asked in part.asks for kind in ("command", "query"))]
    publish += [f"health.{asked}" for asked in part.asks]
    subscribe = [*part.hears, f"_INBOX.{name}.>"]
    if part.keeps_log:
        publish += [f"event.{name}.>", f"projected.{name}", f"awaited.{name}", "live.>"]
        publish += [*_answering(name), *_keeping_time(name)]
        publish += [right for stream in (name, *part.follows) for right in _reading(stream.upper())]
        publish += [f"probe.{name}", f"$JS.API.STREAM.CREATE.{_PROBES}"]
        publish += _keeping_jobs(name) if part.has_jobs else []
        subscribe += [f"command.{name}.>", f"query.{name}.>", f"projected.{name}", f"awaited.{name}"]
        subscribe += [f"timers.{name}", f"health.{name}"]
    return Rights(tuple(publish), tuple(subscribe))


def _answering(name: str) -> list[str]:
    askers = [OPERATOR, *(asker for asker, part in PARTS.items() if name in part.asks)]
    return [f"_INBOX.{asker}.>" for asker in askers]


def _keeping_time(name: str) -> list[str]:
    return [
        f"sch.{name}.>",
        f"due.{name}.>",
        f"$JS.API.STREAM.CREATE.{_TIMERS}",
        f"$JS.API.CONSUMER.CREATE.{_TIMERS}.{name}.due.{name}.>",
        f"$JS.ACK.{_TIMERS}.{name}.>",
    ]


def _keeping_jobs(name: str) -> list[str]:
    """To put jobs on the list, to take them, and to make the list where there is none; not to change it."""
    stream = f"JOBS_{name.upper()}"
    return [
        f"job.{name}.>",
        f"$JS.API.STREAM.CREATE.{stream}",
        f"$JS.API.STREAM.INFO.{stream}",
        f"$JS.API.CONSUMER.CREATE.{stream}.>",
        f"$JS.API.CONSUMER.INFO.{stream}.>",
        f"$JS.API.CONSUMER.MSG.NEXT.{stream}.>",
        f"$JS.ACK.{stream}.>",
    ]


def _reading(stream: str) -> list[str]:
    """To read a stream, and to make it where there is none; not to change it, nor what it holds."""
    return [
        f"$JS.API.STREAM.INFO.{stream}",
        f"$JS.API.STREAM.CREATE.{stream}",
        f"$JS.API.DIRECT.GET.{stream}",
        f"$JS.API.DIRECT.GET.{stream}.>",
        f"$JS.API.STREAM.MSG.GET.{stream}",
        f"$JS.API.CONSUMER.CREATE.{stream}",
        f"$JS.API.CONSUMER.MSG.NEXT.{stream}.>",
        f"$JS.API.CONSUMER.DELETE.{stream}.>",
    ]
