"""The published shape of every event: a JSON Schema and one example per version, committed under `contracts/`.

`python -m ops.contracts` writes what is missing. The rule it protects: a published event never changes; a new shape is
a new version with a pure step from the old one (`UPCASTS` in its contract module).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo

import contracts
from contracts.message import Event, PersonalMark, fields_marked
from contracts.modules import MODULES, declared, upcasts_of
from kernel.deciding.codec import Upcast

ROOT = Path(contracts.__file__).parent
DRAFT = "https://json-schema.org/draft/2020-12/schema"

# What a field of that name looks like in life; other fields are made up from their types.
_IN_LIFE: Mapping[str, object] = {
    "name": "Nguyễn Thị Hồng",
    "email": "hong.nguyen@example.com",
    "phone": "+84 24 3825 0000",
    "mobile": "912345678",
    "country": "VN",
    "room": "1204",
    "SessionOpened.address": "203.0.113.7",
    "address": "12 Phố Huế, Hà Nội",
    "landlines": ["+84 24 3825 1111", None, None],
    "time_zone": "Asia/Ho_Chi_Minh",
    "session_id": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "kept_session_id": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "password_hash": "$argon2id$v=19$m=19456,t=2,p=1$c21hcnRwbHVz$cGFzc3dvcmQgb2YgYW4gZXhhbXBsZQ",
    "agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "reason": "The installer asked for help with a rollout",
    "key": "household/1f0c4f5e-6d4b-5c1f-9a57-0c1d4f1f3a10/1",
    "erased_key": "household/1f0c4f5e-6d4b-5c1f-9a57-0c1d4f1f3a10/1",
    "family_sip": "5100001000",
    "personal_sip": "5100001001",
    "sip": "5100001002",
    "number": "5100001000",
    "mac": "0C110512AB34",
    "role": "family_master",
    "RelaySetting.number": 1,
    "relay": 1,
    "dtmf": "#",
    "macs": ["0C110512AB34"],
    "MacRowsStaged.refused": [[3, "mac-malformed"]],
    "texts": ["0C11OS12AB34"],
    "MacRowsRegistered.refused": [[3, "0C110512AB34", "mac-registered"]],
    "relay_names": ["Front gate"],
    "security_relay_names": ["Back door"],
    "transfer_ip": "192.168.1.20",
    "key_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "token_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "model": "R29",
    "firmware": "29.30.2.14",
    "configuration": "3b1f5f0a9c2d4e68",
    "lines": ["Config.Account1.GENERAL.Label = Front gate"],
    "MacRowsStaged.lines": [2],
    "file_name": "macs.xlsx",
    "rtsp_address": "rtsp://192.168.1.64:554/Streaming/Channels/101",
    "user_name": "viewer",
    "password": "correct horse battery",
    "secret": "482913",
    "holder": "Nguyễn Văn An",
    "who": "Nguyễn Văn An",
    "method": "pin",
    "erased_keys": ["home.1f0c4f5e-6d4b-5c1f-9a57-0c1d4f1f3a10.0"],
    "detail": "The cover was opened",
    "nonce": "5f1d3c8e0b7a4296",
}


_IDS = ("member", "device", "site")


class CannotImagine(Exception):
    """An example cannot be made up: write it by hand."""


@dataclass(frozen=True)
class Contract:
    """What the contract modules of one service publish."""

    service: str
    events: tuple[type[Event], ...]
    upcasts: Mapping[str, Upcast]


def published() -> Iterator[Contract]:
    """What each service publishes."""
    for service in MODULES:
        yield Contract(service, declared(service, Event), upcasts_of(service))


def schema_file(event: type[Event], root: Path = ROOT) -> Path:
    """Where the schema of this version of an event is committed."""
    return root / "schemas" / _file_of(event)


def example_file(event: type[Event], root: Path = ROOT) -> Path:
    """Where the example of this version of an event is committed."""
    return root / "examples" / _file_of(event)


def _file_of(event: type[Event]) -> Path:
    service, name = event.type_name().split(".", 1)
    return Path(service, f"{name}.json")


def schema(event: type[Event]) -> dict[str, Any]:
    """The JSON Schema of an event as published; `x-personal` lists the fields that are sealed in the log."""
    described = event.model_json_schema(mode="serialization")
    personal = sorted(fields_marked(event, PersonalMark))
    return {"$schema": DRAFT, "$id": event.type_name(), **described, "x-personal": personal}


def shape(described: object) -> object:
    """A schema without its words, which may be improved at any time."""
    if isinstance(described, dict):
        return {
            key: {name: shape(each) for name, each in value.items()} if key in ("properties", "$defs") else shape(value)
            for key, value in described.items()
            if key not in ("description", "title")
        }
    return [shape(each) for each in described] if isinstance(described, list) else described


def example(event: type[Event]) -> dict[str, Any]:
    """A body of this event with values as they occur in life. Raises `CannotImagine`."""
    body = {name: _value(event, name, field) for name, field in event.model_fields.items()}
    try:
        return event.model_validate(body).model_dump(mode="json")
    except ValueError as error:
        raise CannotImagine(f"write {example_file(event)} by hand: {error}") from error


def _value(event: type[Event], name: str, field: FieldInfo) -> object:
    for known in (f"{event.__name__}.{name}", name):
        if known in _IN_LIFE:
            return _IN_LIFE[known]
    return _of_type(field.annotation, name)


def _of_type(annotation: Any, name: str) -> object:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if hasattr(annotation, "__metadata__"):
        return _of_type(arguments[0], name)
    if origin is Literal:
        return arguments[0]
    if origin is tuple:
        each = arguments[:1] if arguments[-1] is Ellipsis else arguments
        return [_of_type(argument, name.removesuffix("s")) for argument in each]
    if origin in (list, set, frozenset):
        return [_of_type(arguments[0], name.removesuffix("s"))]
    if origin is dict:
        return {str(_of_type(arguments[0], name)): _of_type(arguments[1], name)}
    if origin is not None:
        return _of_type(next(argument for argument in arguments if argument is not NoneType), name)
    if isinstance(annotation, type):
        return _of_class(annotation, name)
    raise CannotImagine(f"{name}: {annotation}")


def _of_class(kind: type, name: str) -> object:
    if issubclass(kind, Enum):
        return next(iter(kind)).value
    if issubclass(kind, BaseModel):
        return {
            each: _IN_LIFE.get(f"{kind.__name__}.{each}") or _IN_LIFE.get(each) or _of_type(field.annotation, each)
            for each, field in kind.model_fields.items()
        }
    if kind is AwareDatetime or issubclass(kind, datetime):
        return "2026-11-22T09:30:00Z"
    if issubclass(kind, date):
        return "2026-11-22"
    if issubclass(kind, UUID) or (issubclass(kind, str) and (name.endswith("_id") or name in _IDS)):
        return str(uuid5(NAMESPACE_URL, f"smartplus:{name}"))
    if issubclass(kind, str):
        return name.replace("_", " ")
    if issubclass(kind, bool):
        return True
    if issubclass(kind, int | float):
        return 3
    raise CannotImagine(f"{name}: {kind.__name__}")


def write(root: Path = ROOT, *, overwrite: bool = False) -> tuple[list[Path], list[Path]]:
    """Write the missing schemas and examples; returns what was written and what was refused.

    A schema whose shape differs from the published one is refused, and its example left alone, unless `overwrite`;
    then an example that no longer decodes is made anew as well.
    """
    written: list[Path] = []
    refused: list[Path] = []
    for contract in published():
        for event in contract.events:
            path, described = schema_file(event, root), schema(event)
            if not path.exists() or json.loads(path.read_text()) != described:
                if path.exists() and shape(json.loads(path.read_text())) != shape(described) and not overwrite:
                    refused.append(path)
                    continue
                written.append(_write(path, described))
            path = example_file(event, root)
            if not path.exists() or (overwrite and not _decodes(event, path)):
                written.append(_write(path, example(event)))
    return written, refused


def _decodes(event: type[Event], path: Path) -> bool:
    try:
        event.model_validate_json(path.read_text())
    except ValueError:
        return False
    return True


def _write(path: Path, document: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    return path


def main() -> int:
    """The command; its exit code is 1 when a published shape was changed and left as it was."""
    parser = argparse.ArgumentParser(prog="python -m ops.contracts", description=__doc__)
    parser.add_argument(
        "--overwrite", action="store_true", help="also replace schemas whose shape changed (never once released)"
    )
    written, refused = write(overwrite=parser.parse_args().overwrite)
    for path in written:
        print(f"wrote {path.relative_to(ROOT.parent)}")
    for path in refused:
        print(
            f"{path.relative_to(ROOT.parent)}: the event's shape changed. Give its class the next `version` and its "
            "contract module a step in UPCASTS, or pass --overwrite if it was never released.",
            file=sys.stderr,
        )
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
