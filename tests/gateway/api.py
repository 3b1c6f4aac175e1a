"""The routes of the API as its OpenAPI document names them, and a request for each that its schema allows."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from services.gateway.app import described

Json = dict[str, Any]

_FRESH: dict[str, Callable[[], str]] = {
    "session_id": lambda: "0" * 64,
    "mac": lambda: a_mac(),
    "service": lambda: "accounts",
    "kind": lambda: "tenant",
}

DOCUMENT: Json = json.loads(json.dumps(described()))
SCHEMAS: Json = DOCUMENT["components"]["schemas"]


@dataclass(frozen=True)
class Operation:
    """One route with one method."""

    id: str
    method: str
    path: str
    body: str
    needs_session: bool

    def at(self, **places: str) -> str:
        """Its path below /api/v1, with fresh ids for the places that are not given."""
        path = self.path
        for name in (each.partition("}")[0] for each in self.path.split("{")[1:]):
            fresh = _FRESH[name]() if name in _FRESH else str(uuid4())
            path = path.replace(f"{{{name}}}", places.get(name, fresh))
        return path

    @property
    def changes(self) -> bool:
        return self.method != "GET"


def _body(operation: Json) -> str:
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    return str(schema["$ref"]).rpartition("/")[2] if schema else ""


OPERATIONS = [
    Operation(
        operation["operationId"],
        method.upper(),
        path.removeprefix("/api/v1"),
        _body(operation),
        any("session" in each for each in operation["security"]),
    )
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]


def a_mac() -> str:
    """A MAC that no device has."""
    return f"0C1105{uuid4().hex[:6].upper()}"


# One document for each body, right in every field.
RIGHT: dict[str, Json] = {
    "OpenSession": {"identifier": "somebody@example.org", "password": "a wrong password"},
    "ChangePassword": {"current_password": "correct-horse-battery-42", "new_password": "another-horse-battery-42"},
    "StartImpersonation": {"installer_id": str(uuid4()), "reason": "asked for help"},
    "AddUser": {"name": "Famille Dubois", "address": "5 rue des Lilas, Lyon", "premium": False},
    "EditUser": {"name": "Famille Dubois", "address": "5 rue des Lilas, Lyon", "premium": False},
    "SetFreeSubaccounts": {"free_subaccounts": 4},
    "AddMember": {"name": "Zoé Dubois"},
    "EditMember": {"name": "Zoé Dubois"},
    "ChangeCustomerService": {"phone": "+49 30 1234567", "email": "help@example.org"},
    "AccountAccessChoice": {"granted": True},
    "CreateInstaller": {"name": "Bright Intercoms", "email": "bright@example.org"},
    "SwitchAccountAccess": {"enabled": True},
    "CreateDistributor": {"name": "North Doors", "email": "north@example.org"},
    "SwitchOfflineSolution": {"enabled": True},
    "SetBudget": {"events_per_day": 1_000_000, "reason": "Their import of last week"},
    "CreatePropertyManager": {"name": "Ada", "email": "ada@example.org"},
    "RegisterMac": {"mac": "0c:11:05:12:ab:34"},
    "ClaimMac": {"code": "7Q2K-91XM"},
    "MoveMac": {"distributor_id": str(uuid4()), "reason": "It was delivered elsewhere"},
    "BindDevice": {"mac": "0C110512AB34", "kind": "doorphone_single", "name": "Front door"},
    "EditDevice": {"kind": "doorphone_single", "name": "Front gate"},
    "ChooseConnectionType": {"connection_type": "tls"},
    "ResetDevice": {},
    "UnlockDoor": {"relay": 1},
    "SwitchArming": {"armed": True},
    "SubmitAutop": {
        "kind": "regular",
        "text": "Config.Account1.GENERAL.Label = Front gate",
        "device_ids": [str(uuid4())],
    },
    "AutopDraft": {
        "kind": "regular",
        "text": "Config.Account1.GENERAL.Label = Front gate",
        "device_ids": [str(uuid4())],
    },
    "AddCamera": {
        "name": "Car park",
        "rtsp_address": "rtsp://192.168.1.64:554/live",
        "user_name": "viewer",
        "password": "a camera's password",
    },
    "EditCamera": {"name": "Yard", "rtsp_address": "rtsp://192.168.1.64/live", "user_name": "viewer"},
    "GrantCredential": {
        "kind": "pin",
        "holder": "Zoé Dubois",
        "relays": [{"device_id": str(uuid4()), "relay": 1}],
    },
}


def right_body(name: str) -> Json:
    """A body that is right, with e-mail addresses and MACs of its own."""
    body = dict(RIGHT[name])
    if "email" in body:
        body["email"] = f"{uuid4().hex}@example.org"
    if "mac" in body:
        body["mac"] = a_mac()
    return body
