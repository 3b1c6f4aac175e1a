"""AutoP: lines for many devices at once, and the profile that each device keeps."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field

from contracts.characters import pasted_lines
from contracts.devices.commands import DeviceCommandState
from contracts.message import Command, Event, FilledMark, Personal, Query, View
from contracts.moments import RecordedMoment
from contracts.reasons import Kind, Reason
from contracts.words import Id, Page, PerPage

AUTOP_DEVICES_MAX = 500
AUTOP_LINES_MAX = 200
AUTOP_LINE_CHARACTERS_MAX = 1024
_AUTOP_CHARACTERS_MAX = AUTOP_LINES_MAX * (AUTOP_LINE_CHARACTERS_MAX + 2)
AutopText = Annotated[
    str,
    Field(max_length=_AUTOP_CHARACTERS_MAX, repr=False),
    BeforeValidator(lambda value: pasted_lines(value) if isinstance(value, str) else value),
]


class AutopKind(StrEnum):
    """Regular lines are applied again after every reset, one-time lines once (A-02)."""

    REGULAR = "regular"
    ONE_TIME = "one_time"


class SubmitAutop(Command):
    """Provision up to 500 devices at once (A-01..A-08). `confirmed` repeats the word that dangerous lines ask for."""

    provisioning_id: Id
    kind: AutopKind
    text: AutopText
    device_ids: Annotated[tuple[Id, ...], Field(min_length=1, max_length=AUTOP_DEVICES_MAX)]
    confirmed: bool = False


class RetryProvisioning(Command):
    """Send a batch again to those of its devices that failed."""

    provisioning_id: Id
    device_ids: Annotated[tuple[str, ...], FilledMark()] = ()


class ForgetProvisioning(Command):
    """Keep nothing of what a batch said, if none of its devices is left. The service sends it to itself."""

    provisioning_id: Id


class MergeRegularProfile(Command):
    """Merge lines by key into a device's stored profile (R-29). The service sends it to itself."""

    device_id: Id
    provisioning_id: Id
    lines: Annotated[tuple[str, ...], Field(repr=False)]
    digest_key: Annotated[str | None, FilledMark(), Field(repr=False)] = None


class ClearRegularProfile(Command):
    """Forget a device's stored profile."""

    device_id: Id


class AutopSubmitted(Event):
    """These devices are to run these lines. What was dropped and overridden is counted, not repeated."""

    provisioning_id: str
    installer_id: str
    distributor_id: str
    kind: AutopKind
    lines: tuple[Personal, ...]
    device_ids: tuple[str, ...]
    dropped: int
    overridden: int


class ProvisioningRetried(Event):
    """The batch is sent again to these of its devices."""

    provisioning_id: str
    installer_id: str
    device_ids: tuple[str, ...]


class ProvisioningForgotten(Event):
    """None of the batch's devices is left: `erased_key`, which seals its lines, is destroyed."""

    provisioning_id: str
    installer_id: str
    erased_key: str


class RegularProfileChanged(Event):
    """The device's stored profile is now these lines, in order, by that batch, also when they were these before.

    `digest` tells one set of lines from another without telling what they are: it is keyed.
    """

    device_id: str
    user_id: str
    installer_id: str
    provisioning_id: str | None
    lines: tuple[Personal, ...]
    digest: str


class AutopLine(View):
    """A line as it would be taken, its secret masked. `verdict`: kept, duplicate, overridden; `danger`: to confirm."""

    number: int
    text: str
    verdict: str
    danger: bool


class AutopChange(View):
    """What one device's stored profile would become: which keys are new and changed, and how many are the same.

    `omitted` counts the new and changed keys that are not listed, for want of room in one answer.
    """

    device_id: str
    device_name: str
    mac: str
    added: tuple[str, ...]
    changed: tuple[str, ...]
    same: int
    omitted: int = 0


class AutopPreview(View):
    """What a submit would do, without doing it."""

    lines: tuple[AutopLine, ...]
    dangerous: bool
    changes: tuple[AutopChange, ...]


class PreviewAutop(Query):
    """Judge lines and show what they would change on each device (A-06, R-29). Invalid lines refuse it, each named."""

    kind: AutopKind
    text: AutopText
    device_ids: Annotated[tuple[Id, ...], Field(min_length=1, max_length=AUTOP_DEVICES_MAX)]


class ProvisionedDevice(View):
    """How far one device of a batch is."""

    device_id: str
    device_name: str
    mac: str
    state: DeviceCommandState
    reason: str | None
    changed_at: RecordedMoment | None


class ProvisioningRow(View):
    """A batch in the list: how many of its devices are where."""

    provisioning_id: str
    kind: AutopKind
    devices: int
    done: int
    failed: int
    waiting: int
    created_at: RecordedMoment


class ProvisioningPage(View):
    """One page of batches."""

    rows: tuple[ProvisioningRow, ...]
    total: int
    page: int
    per_page: int


class ProvisioningDetail(ProvisioningRow):
    """A batch: its lines, secrets masked, and each of its devices."""

    lines: tuple[str, ...]
    dropped: int
    overridden: int
    rows: tuple[ProvisionedDevice, ...]


class ListProvisionings(Query):
    """A page of the caller's batches, newest first."""

    page: Page = 1
    per_page: PerPage = 10


class GetProvisioning(Query):
    """One batch, or `provisioning-unknown`."""

    provisioning_id: Id


class RegularProfile(View):
    """A device's stored lines, secrets masked."""

    device_id: str
    lines: tuple[str, ...]


class GetRegularProfile(Query):
    """What a device is given again after every reset."""

    device_id: Id


QUERIES: Mapping[type[Query], type[View]] = {
    PreviewAutop: AutopPreview,
    ListProvisionings: ProvisioningPage,
    GetProvisioning: ProvisioningDetail,
    GetRegularProfile: RegularProfile,
}

# fmt: off
WHO: Mapping[type[Command | Query], str] = {
    # Not by account access: lines set a door's codes and who answers its calls.
    SubmitAutop:         ". . I . . . .",
    RetryProvisioning:   ". . I . . . .",
    ForgetProvisioning:  ". . . . . . .",
    MergeRegularProfile: ". . . . . . .",
    ClearRegularProfile: ". . I . . . +",
    # Who may not submit needs no preview; and it says whether what was typed is what is stored.
    PreviewAutop:        ". . I . . . .",
    ListProvisionings:   ". . I . . . +",
    GetProvisioning:     ". . I . . . +",
    GetRegularProfile:   ". . I . . . +",
}
# fmt: on

REFUSALS: Mapping[str, Reason] = {
    "provisioning-unknown": Reason(Kind.UNKNOWN, "There is no such batch."),
    "autop-invalid": Reason(Kind.INVALID, "Some lines are not AutoP settings."),
    "autop-dangerous": Reason(
        Kind.CONFLICT, "Some of these lines can cut a device off or change who controls it. Confirm them."
    ),
    "profile-full": Reason(
        Kind.CONFLICT, "One of the devices would have more regular lines than it can keep. Clear its profile first."
    ),
    "nothing-to-retry": Reason(Kind.CONFLICT, "No device of this batch has failed."),
}
