"""What a client may say in a request: of a command the fields that are named here.

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

_USER = (
    "name room email country address mobile call_type time_zone language landlines home_automation premium "
    "landline_service with_indoor_monitor"
)
_MEMBER = "name email country mobile language"
_DEVICE = "kind name relays security_relays internet_access transfer_ip works_offline arming_function"
_CAMERA = "name rtsp_address user_name password linked_device_id"

# What clients say. A field that is not named here is refused, so that a field added to a contract becomes public by a
# decision and not by accident; the path, the session or the command's own id says what a command needs besides.
PUBLIC: Mapping[type[Command], str] = {
    CreateDistributor: "name email time_zone",
    SwitchOfflineSolution: "enabled",
    CreateInstaller: "name email time_zone",
    SwitchAccountAccess: "enabled",
    ChangeCustomerService: "phone email",
    CreatePropertyManager: "name email",
    SetBudget: "events_per_day reason",
    OpenSession: "identifier password",
    ChangePassword: "current_password new_password",
    StartImpersonation: "installer_id reason",
    AddUser: _USER,
    EditUser: _USER,
    SetFreeSubaccounts: "free_subaccounts",
    AddMember: _MEMBER,
    EditMember: _MEMBER,
    RegisterMac: "mac code",
    ClaimMac: "code",
    MoveMac: "distributor_id installer_id reason",
    BindDevice: f"mac {_DEVICE} connection_type",
    EditDevice: _DEVICE,
    ChooseConnectionType: "connection_type",
    ResetDevice: "scope confirmed_mac",
    UnlockDoor: "relay",
    SwitchArming: "armed",
    SubmitAutop: "kind text device_ids confirmed",
    AddCamera: _CAMERA,
    EditCamera: _CAMERA,
    GrantCredential: "kind holder secret relays valid_from valid_to",
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
    """Raises `ValueError` when a client would say what is not theirs to say."""
    said = PUBLIC[command].split()
    may_be_said = command.model_fields.keys() - STAMPED - fields_marked(command, FilledMark)
    if wrong := set(said) - may_be_said:
        raise ValueError(f"{command.__name__}: no client says {', '.join(sorted(wrong))}")
    shown: dict[str, Any] = {
        name: (field.rebuild_annotation(), field) for name, field in command.model_fields.items() if name in said
    }
    body = create_model(command.__name__, __base__=Body, __doc__=command.__doc__, **shown)
    body.command = command  # type: ignore[attr-defined]
    return body


def fields_of(body: Document) -> dict[str, Any]:
    """The fields of a body as a command's constructor takes them."""
    return {name: getattr(body, name) for name in type(body).model_fields}
