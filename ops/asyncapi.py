"""`python -m ops.asyncapi` writes `contracts/asyncapi.json`: every message that crosses a service's boundary on NATS.

Endpoints are described by FastStream from the very registration that the services use; their payloads are the
contracts as they travel, which is without what the actor's token and the service itself say.
"""

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from faststream import AsyncAPI
from faststream.nats import NatsBroker
from pydantic import BaseModel

from contracts.live import Changed, live_subject
from contracts.message import (
    Accepted,
    Answer,
    Command,
    Event,
    FilledMark,
    Query,
    Refusal,
    View,
    accepted_of,
    answer_of,
    fields_marked,
)
from contracts.modules import declared
from kernel.process.telemetry import VERSION
from kernel.talking.actor import HEADER, LIFETIME_S
from kernel.talking.endpoints import Endpoints
from ops.contracts import published, schema

FILE = Path(__file__).parent.parent / "contracts" / "asyncapi.json"

_SCHEMA = "#/components/schemas/"
_WORDS = (
    "Commands and queries are requests on core NATS, answered by one process of the owning service. Events are stored "
    "in that service's JetStream stream in CloudEvents 1.0 binary mode, one literal subject per aggregate. Live "
    "notices are told to whoever listens."
)


def document() -> dict[str, Any]:
    """The AsyncAPI 3.0 document of everything that `contracts/` publishes."""
    broker = NatsBroker("nats://nats:4222", apply_types=False, logger=None)
    described = _Document()
    for contract in published():
        endpoints = Endpoints(broker, contract.service, b"")
        for command in declared(contract.service, Command):
            endpoints.command(command, _unreachable)
        for query in declared(contract.service, Query):
            endpoints.query(query, _unreachable)
    rendered: dict[str, Any] = (
        AsyncAPI(broker, title="SmartPlus", version=VERSION, description=_WORDS).to_specification().to_jsonable()
    )
    described.take(rendered)
    for contract in published():
        asked: tuple[type[Command | Query], ...] = declared(contract.service, Command)
        for question in (*asked, *declared(contract.service, Query)):
            described.endpoint(question)
        for view in declared(contract.service, View):
            described.schema(view.__name__, view.model_json_schema(ref_template=_SCHEMA + "{model}"))
        described.events(contract.service, contract.events)
    described.live()
    return described.sorted()


async def _unreachable(*asked: object) -> Any:
    raise AssertionError("nothing is sent to a document")


def _as_sent(contract: type[BaseModel]) -> dict[str, Any]:
    """The schema of a command or query as it travels."""
    sent = contract.model_json_schema(ref_template=_SCHEMA + "{model}")
    for name in ("actor", *fields_marked(contract, FilledMark)):
        del sent["properties"][name]
        if name in sent["required"]:
            sent["required"].remove(name)
    for unused in ("Actor", "Role"):
        if _SCHEMA + unused not in json.dumps(sent["properties"]):
            sent.get("$defs", {}).pop(unused, None)
    return sent


class _Document:
    def __init__(self) -> None:
        self.whole: dict[str, Any] = {}

    def take(self, rendered: dict[str, Any]) -> None:
        self.whole = rendered
        self.whole["components"]["schemas"] = {}
        self.answer(Refusal)
        self.answer(Accepted)
        self.whole["components"]["messages"]["CommandAnswer"] = _answer("accepted", {"$ref": _SCHEMA + "Accepted"})
        self.whole["components"]["messages"]["QueryAnswer"] = _answer("view", {"description": "the query's view"})

    def sorted(self) -> dict[str, Any]:
        # FastStream keeps its endpoints in a set, in whatever order memory has them.
        for named in (self.whole["channels"], self.whole["operations"], *self.whole["components"].values()):
            ordered = sorted(named.items())
            named.clear()
            named.update(ordered)
        return self.whole

    def answer(self, answer: type[BaseModel]) -> None:
        self.schema(answer.__name__, answer.model_json_schema(ref_template=_SCHEMA + "{model}"))

    def answer_to(self, question: type[Command | Query]) -> str:
        """The name of the message that answers it."""
        if not issubclass(question, Command):
            return "QueryAnswer"
        if answer_of(question) is Answer:
            return "CommandAnswer"
        accepted = accepted_of(question)
        self.answer(accepted)
        name = answer_of(question).__name__
        self.whole["components"]["messages"][name] = _answer("accepted", {"$ref": _SCHEMA + accepted.__name__})
        return name

    def schema(self, name: str, content: dict[str, Any]) -> None:
        schemas = self.whole["components"]["schemas"]
        for shared, shape in content.pop("$defs", {}).items():
            self.schema(shared, shape)
        if schemas.setdefault(name, content) != content:
            raise ValueError(f"two different schemas are called {name}")

    def endpoint(self, question: type[Command | Query]) -> None:
        name = question.__name__
        self.schema(name, _as_sent(question))
        message = self.whole["components"]["messages"][f"{name}:SubscribeMessage"]
        message["payload"] = {"$ref": _SCHEMA + name}
        message["headers"] = _asking_headers()
        self.whole["channels"][name]["description"] = inspect.getdoc(question)
        reply = {"$ref": f"#/components/messages/{self.answer_to(question)}"}
        self.whole["operations"][name]["reply"] = {"messages": [reply]}

    def events(self, service: str, events: tuple[type[Event], ...]) -> None:
        messages = {}
        for event in events:
            shape = schema(event)
            del shape["$schema"], shape["$id"]
            # A schema of its own with everything inside: an old version keeps old shapes of what it is made of.
            messages[event.type_name()] = {
                "title": event.type_name(),
                "summary": inspect.getdoc(event),
                "contentType": "application/json",
                "headers": {"$ref": _SCHEMA + "EventHeaders"},
                "payload": {"schemaFormat": "application/schema+json;version=draft-2020-12", "schema": shape},
            }
        self.schema("EventHeaders", _event_headers())
        words = f"The log of {service}: read in order, from a position on, by whoever follows it."
        self._channel(f"{service}-events", f"event.{service}.{{aggregate}}.{{id}}", words, messages)

    def live(self) -> None:
        self.schema("Changed", Changed.model_json_schema())
        messages = {"Changed": {"title": "Changed", "payload": {"$ref": _SCHEMA + "Changed"}}}
        self._channel("live", live_subject("{tenant}", "{thing}"), inspect.getdoc(Changed) or "", messages)

    def _channel(self, name: str, address: str, words: str, messages: Mapping[str, Any]) -> None:
        self.whole["components"]["messages"].update(messages)
        names = [part[1:-1] for part in address.split(".") if part.startswith("{")]
        self.whole["channels"][name] = {
            "address": address,
            "description": words,
            "servers": [{"$ref": "#/servers/development"}],
            "parameters": {each: {} for each in names},
            "messages": {each: {"$ref": f"#/components/messages/{each}"} for each in messages},
        }
        self.whole["operations"][name] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{name}"},
            "messages": [{"$ref": f"#/channels/{name}/messages/{each}"} for each in messages],
        }


def _answer(success: str, content: dict[str, Any]) -> dict[str, Any]:
    refused = {"properties": {"refused": {"$ref": _SCHEMA + "Refusal"}}, "required": ["refused"]}
    obeyed = {"properties": {success: content}, "required": [success]}
    return {"title": f"{success} or refused", "payload": {"type": "object", "oneOf": [obeyed, refused]}}


def _asking_headers() -> dict[str, Any]:
    token = f"Who acts: signed for this subject and body, for {LIFETIME_S} s, once (`kernel/talking/actor.py`)."
    return {
        "type": "object",
        "required": [HEADER],
        "properties": {
            HEADER: {"type": "string", "description": token},
            "correlation_id": {"type": "string"},
            "traceparent": {"type": "string", "description": "W3C trace context"},
        },
    }


def _event_headers() -> dict[str, Any]:
    required = {
        "ce-specversion": "1.0",
        "ce-id": "the event",
        "ce-type": "for example accounts.UserReset.v1",
        "ce-source": "/smartplus/<service>",
        "ce-subject": "<aggregate>/<id>",
        "ce-time": "when, RFC 3339",
        "sp-command": "the command that caused it",
        "sp-correlation": "the chain of messages it belongs to",
        "sp-actor": "who acted, as JSON",
    }
    optional = {"sp-key": "the data key that seals its personal fields", "traceparent": "W3C trace context"}
    properties = {name: {"type": "string", "description": words} for name, words in (required | optional).items()}
    return {"title": "EventHeaders", "type": "object", "required": list(required), "properties": properties}


def written(described: dict[str, Any]) -> str:
    """The document as it is committed."""
    return json.dumps(described, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(written(document()))
