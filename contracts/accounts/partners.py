"""Super managers, distributors, installers and property managers, and what each allows the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from contracts.accounts.words import CredentialAnswer
from contracts.message import Command, Event, Personal, Query, View
from contracts.moments import RecordedMoment
from contracts.reasons import Kind, Reason
from contracts.text import Email, Line, Name, Phone
from contracts.words import Filled, Id, Page, PerPage
from contracts.zones import ZoneName


class CreateSuperManager(Command[CredentialAnswer]):
    """Make the first account of a region. Only the operator's own command line may ask for it."""

    account_id: Id
    name: Name
    email: Email
    password_hash: Filled = None
    initial_password: Annotated[str | None, Field(max_length=128, description="empty: one is made up")] = None


class CreateDistributor(Command[CredentialAnswer]):
    """A super manager adds a distributor."""

    distributor_id: Id
    name: Name
    email: Email
    time_zone: Line = "UTC"
    password_hash: Filled = None


class SwitchOfflineSolution(Command):
    """Allow, or stop allowing, Doorphone Offline Solution to a distributor's installers (L-06)."""

    distributor_id: Id
    enabled: bool


class CreateInstaller(Command[CredentialAnswer]):
    """A distributor adds an installer (L-01)."""

    installer_id: Id
    name: Name
    email: Email
    time_zone: Line = "UTC"
    password_hash: Filled = None


class SwitchAccountAccess(Command):
    """Let, or stop letting, an installer decide about account access (L-07). Off ends open access at once."""

    installer_id: Id
    enabled: bool


class GrantAccess(Command):
    """An installer lets its distributor switch into its account (X-03)."""

    installer_id: Id


class WithdrawAccess(Command):
    """An installer takes that back; an open distributor session ends at once (X-04)."""

    installer_id: Id


class ChangeCustomerService(Command):
    """Set the phone and e-mail by which residents reach their installer (K-01..K-04)."""

    installer_id: Id
    phone: Phone
    email: Email


class CreatePropertyManager(Command[CredentialAnswer]):
    """An installer adds a property manager."""

    property_manager_id: Id
    name: Name
    email: Email
    password_hash: Filled = None


class DistributorCreated(Event):
    """A distributor exists."""

    distributor_id: str
    name: Personal
    email: Personal
    time_zone: str


class OfflineSolutionAllowed(Event):
    """Doorphone Offline Solution may be used by the distributor's installers."""

    distributor_id: str


class OfflineSolutionWithdrawn(Event):
    """Doorphone Offline Solution may no longer be used by the distributor's installers."""

    distributor_id: str


class InstallerCreated(Event):
    """An installer exists under a distributor."""

    installer_id: str
    distributor_id: str
    name: Personal
    email: Personal
    time_zone: str


class AccountAccessOffered(Event):
    """The installer may now decide about account access; the permission itself starts off."""

    installer_id: str


class AccountAccessRetracted(Event):
    """The installer may no longer decide about account access; a granted permission is gone."""

    installer_id: str


class PermissionGranted(Event):
    """The distributor may switch into the installer's account."""

    installer_id: str


class PermissionWithdrawn(Event):
    """The distributor may no longer switch into the installer's account."""

    installer_id: str


class AccountEntered(Event):
    """The distributor switched into the installer's account by this session, for this reason."""

    installer_id: str
    session_id: str
    impersonator_id: str
    reason: Personal


class CustomerServiceChanged(Event):
    """Residents reach their installer by this phone and e-mail."""

    installer_id: str
    phone: Personal
    email: Personal


class PropertyManagerCreated(Event):
    """A property manager exists under an installer."""

    property_manager_id: str
    installer_id: str
    distributor_id: str
    name: Personal
    email: Personal


class InstallerRow(View):
    """An installer as its distributor sees it."""

    installer_id: str
    distributor_id: str
    name: str
    email: str
    time_zone: ZoneName
    account_access_offered: bool
    permission_granted: bool
    households: int
    created_at: RecordedMoment


class InstallerPage(View):
    """One page of installers."""

    rows: tuple[InstallerRow, ...]
    total: int
    page: int
    per_page: int


class ListInstallers(Query):
    """A page of the caller's installers, newest first; `q` is a prefix of a word of the name or of the e-mail."""

    page: Page = 1
    per_page: PerPage = 10
    q: Annotated[str, Field(max_length=128)] = ""


class GetInstaller(Query):
    """One installer, or `installer-unknown`."""

    installer_id: Id


class InstallerDetail(InstallerRow):
    """An installer with its customer-service contact and what its distributor is allowed."""

    customer_service_phone: str | None
    customer_service_email: str | None
    offline_solution: bool


class DistributorRow(View):
    """A distributor as the super manager sees it."""

    distributor_id: str
    name: str
    email: str
    time_zone: ZoneName
    offline_solution: bool
    installers: int
    created_at: RecordedMoment


class DistributorPage(View):
    """One page of distributors."""

    rows: tuple[DistributorRow, ...]
    total: int
    page: int
    per_page: int


class ListDistributors(Query):
    """A page of all distributors, newest first."""

    page: Page = 1
    per_page: PerPage = 10
    q: Annotated[str, Field(max_length=128)] = ""


QUERIES: Mapping[type[Query], type[View]] = {
    ListInstallers: InstallerPage,
    GetInstaller: InstallerDetail,
    ListDistributors: DistributorPage,
}

# fmt: off
WHO: Mapping[type[Command | Query], str] = {
    CreateSuperManager:    ". . . . . . .",
    CreateDistributor:     "S . . . . . .",
    SwitchOfflineSolution: "S . . . . . .",
    ListDistributors:      "S . . . . . +",
    CreateInstaller:       ". D . . . . .",
    SwitchAccountAccess:   ". D . . . . .",
    ListInstallers:        "S D . . . . +",
    GetInstaller:          "S D I . . . +",
    GrantAccess:           ". . I . . . .",
    WithdrawAccess:        ". . I . . . .",
    ChangeCustomerService: ". . I . . . +",
    CreatePropertyManager: ". . I . . . .",
}
# fmt: on

REFUSALS: Mapping[str, Reason] = {
    "installer-unknown": Reason(Kind.UNKNOWN, "There is no such installer."),
    "distributor-unknown": Reason(Kind.UNKNOWN, "There is no such distributor."),
    "property-manager-unknown": Reason(Kind.UNKNOWN, "There is no such property manager."),
    "account-access-not-offered": Reason(Kind.CONFLICT, "Your distributor has not enabled account access."),
    "permission-not-granted": Reason(Kind.CONFLICT, "The installer has not granted access to its account."),
}
