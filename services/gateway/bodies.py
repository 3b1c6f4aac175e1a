"""What a client may say in a request: a command minus what the path, the session and the gateway say.

The rule it protects: nobody sets a field that is not theirs to set; whatever is not declared is refused.
"""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, create_model

from contracts import accounts, devices
from contracts.message import Command, FilledMark, fields_marked

C = TypeVar("C", bound=Command)

STAMPED = frozenset({"command_id", "at", "actor"})

# What the path, the session or the command's own id says. Every command that has a route is listed, with all that its
# body may not contain, so that a field added to a contract becomes public by a decision and not by accident.
SAID_ELSEWHERE: Mapping[type[Command], frozenset[str]] = {
    accounts.CreateDistributor: frozenset({"distributor_id"}),
    accounts.SwitchOfflineSolution: frozenset({"distributor_id"}),
    accounts.CreateInstaller: frozenset({"installer_id"}),
    accounts.SwitchAccountAccess: frozenset({"installer_id"}),
    accounts.ChangeCustomerService: frozenset({"installer_id"}),
    accounts.CreatePropertyManager: frozenset({"property_manager_id"}),
    accounts.SetBudget: frozenset({"service", "kind", "payer_id"}),
    accounts.OpenSession: frozenset({"session_id", "agent"}),
    accounts.ChangePassword: frozenset({"account_id"}),
    accounts.StartImpersonation: frozenset({"session_id", "agent"}),
    accounts.AddUser: frozenset({"user_id"}),
    accounts.EditUser: frozenset({"user_id"}),
    accounts.SetFreeSubaccounts: frozenset({"user_id"}),
    accounts.AddMember: frozenset({"user_id", "member_id"}),
    accounts.EditMember: frozenset({"user_id", "member_id"}),
    devices.RegisterMac: frozenset(),
    devices.ClaimMac: frozenset({"mac"}),
    devices.MoveMac: frozenset({"mac"}),
    devices.BindDevice: frozenset({"device_id", "user_id"}),
    devices.EditDevice: frozenset({"device_id"}),
    devices.ChooseConnectionType: frozenset({"device_id"}),
    devices.ResetDevice: frozenset({"device_command_id", "device_id"}),
    devices.UnlockDoor: frozenset({"device_command_id", "device_id"}),
    devices.SwitchArming: frozenset({"device_command_id", "device_id"}),
    devices.SubmitAutop: frozenset({"provisioning_id"}),
    devices.AddCamera: frozenset({"camera_id", "user_id"}),
    devices.EditCamera: frozenset({"camera_id"}),
    devices.GrantCredential: frozenset({"credential_id", "user_id"}),
}


class Document(BaseModel):
    """A request's JSON document. Read strictly: `"1"` is no number, `1` is no truth value, nothing is extra."""

    model_config = ConfigDict(frozen=True, extra="forbid")


if TYPE_CHECKING:

    class Body(Document, Generic[C]):
        """The request body of the command `C`."""

else:

    class Body(Document):
        command: ClassVar[type[Command]]

        def __class_getitem__(cls, command: type[Command] | TypeVar) -> type["Body"]:
            return cls if isinstance(command, TypeVar) else _body_of(command)


@cache
def _body_of(command: type[Command]) -> type[Any]:
    hidden = STAMPED | SAID_ELSEWHERE[command] | fields_marked(command, FilledMark)
    shown: dict[str, Any] = {
        name: (field.rebuild_annotation(), field) for name, field in command.model_fields.items() if name not in hidden
    }
    body = create_model(command.__name__, __base__=Body, __doc__=command.__doc__, **shown)
    body.command = command  # type: ignore[attr-defined]
    return body


def said(body: Document) -> dict[str, Any]:
    """The fields of a body as a command's constructor takes them."""
    return {name: getattr(body, name) for name in type(body).model_fields}
