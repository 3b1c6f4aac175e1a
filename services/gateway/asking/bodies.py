"""What a client may say in a request: a command minus what the path, the session and the gateway say.

The rule it protects: nobody sets a field that is not theirs to set; whatever is not declared is refused.
"""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, create_model

from contracts.accounts.access import ChangePassword, OpenSession, StartImpersonation
from contracts.accounts.budgets import SetBudget
from contracts.accounts.households import AddUser, EditUser
from contracts.accounts.members import AddMember, EditMember
from contracts.accounts.partners import (
    ChangeCustomerService,
    CreateDistributor,
    CreateInstaller,
    CreatePropertyManager,
    SwitchAccountAccess,
    SwitchOfflineSolution,
)
from contracts.accounts.terms import SetFreeSubaccounts
from contracts.devices.autop import SubmitAutop
from contracts.devices.cameras import AddCamera, EditCamera
from contracts.devices.commands import ResetDevice, SwitchArming, UnlockDoor
from contracts.devices.homes import GrantCredential
from contracts.devices.intercoms import BindDevice, ChooseConnectionType, EditDevice
from contracts.devices.library import ClaimMac, MoveMac, RegisterMac
from contracts.message import Command, FilledMark, fields_marked

C = TypeVar("C", bound=Command, covariant=True)

STAMPED = frozenset({"command_id", "at", "actor"})

# What the path, the session or the command's own id says. Every command that has a route is listed, with all that its
# body may not contain, so that a field added to a contract becomes public by a decision and not by accident.
SAID_ELSEWHERE: Mapping[type[Command], frozenset[str]] = {
    CreateDistributor: frozenset({"distributor_id"}),
    SwitchOfflineSolution: frozenset({"distributor_id"}),
    CreateInstaller: frozenset({"installer_id"}),
    SwitchAccountAccess: frozenset({"installer_id"}),
    ChangeCustomerService: frozenset({"installer_id"}),
    CreatePropertyManager: frozenset({"property_manager_id"}),
    SetBudget: frozenset({"service", "kind", "payer_id"}),
    OpenSession: frozenset({"session_id", "agent"}),
    ChangePassword: frozenset({"account_id"}),
    StartImpersonation: frozenset({"session_id", "agent"}),
    AddUser: frozenset({"user_id"}),
    EditUser: frozenset({"user_id"}),
    SetFreeSubaccounts: frozenset({"user_id"}),
    AddMember: frozenset({"user_id", "member_id"}),
    EditMember: frozenset({"user_id", "member_id"}),
    RegisterMac: frozenset(),
    ClaimMac: frozenset({"mac"}),
    MoveMac: frozenset({"mac"}),
    BindDevice: frozenset({"device_id", "user_id"}),
    EditDevice: frozenset({"device_id"}),
    ChooseConnectionType: frozenset({"device_id"}),
    ResetDevice: frozenset({"device_command_id", "device_id"}),
    UnlockDoor: frozenset({"device_command_id", "device_id"}),
    SwitchArming: frozenset({"device_command_id", "device_id"}),
    SubmitAutop: frozenset({"provisioning_id"}),
    AddCamera: frozenset({"camera_id", "user_id"}),
    EditCamera: frozenset({"camera_id"}),
    GrantCredential: frozenset({"credential_id", "user_id"}),
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


def fields_of(body: Document) -> dict[str, Any]:
    """The fields of a body as a command's constructor takes them."""
    return {name: getattr(body, name) for name in type(body).model_fields}
