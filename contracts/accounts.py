"""The language of accounts: people, their place in the tenant tree, households, members, logins and sessions."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from contracts.budgets import BudgetList, BudgetQuery, BudgetService, EventsADay, PayerKind
from contracts.message import Command, Event, FilledMark, Personal, Query, Role, View
from contracts.moments import RecordedMoment
from contracts.text import Country, Email, FilledLine, Line, Name, Phone, labelled
from contracts.zones import ZoneName

Id = Annotated[str, Field(pattern=r"^[0-9a-f-]{36}$", description="UUID")]
SessionId = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the session token")]
Filled = Annotated[str | None, FilledMark()]
Page = Annotated[int, Field(ge=1, le=100_000)]
PerPage = Annotated[int, Field(ge=1, le=100)]

FREE_SUBACCOUNTS = 3
MEMBERS_MAX = 20
SIP_QUARANTINE_DAYS = 90
IMPERSONATION_MINUTES = 60
ACTIVATION_MONTHS = 12


class CallType(StrEnum):
    """How a household's intercoms and phones reach each other (U-17)."""

    IP_CALL = "ip_call"
    SIP_CALL = "sip_call"


class MailLanguage(StrEnum):
    """The twelve languages of account mails (U-20)."""

    ENGLISH = "en"
    SIMPLIFIED_CHINESE = "zh-Hans"
    KOREAN = "ko"
    JAPANESE = "ja"
    TURKISH = "tr"
    POLISH = "pl"
    RUSSIAN = "ru"
    SPANISH = "es"
    BOSNIAN = "bs"
    DANISH = "da"
    VIETNAMESE = "vi"
    FRENCH = "fr"


class AccountStatus(StrEnum):
    """Derived from activation and expiry, never set by hand (U-04)."""

    INACTIVATED = "inactivated"
    NORMAL = "normal"
    EXPIRED = "expired"


class PremiumStatus(StrEnum):
    """The state of the premium plan; `normal` without an end date is granted with the account (U-05)."""

    OFF = "off"
    NORMAL = "normal"
    EXPIRED = "expired"


Landlines = Annotated[tuple[Phone | None, Phone | None, Phone | None], Field(description="1st, 2nd, 3rd")]


# --- Commands: partners -----------------------------------------------------------------------------------------------


class CreateSuperManager(Command):
    """Make the first account of a region. Only the operator's own command line may ask for it."""

    account_id: Id
    name: Name
    email: Email
    password_hash: Filled = None
    initial_password: Annotated[str | None, Field(max_length=128, description="empty: one is made up")] = None


class CreateDistributor(Command):
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


class CreateInstaller(Command):
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


class CreatePropertyManager(Command):
    """An installer adds a property manager."""

    property_manager_id: Id
    name: Name
    email: Email
    password_hash: Filled = None


# --- Commands: access -------------------------------------------------------------------------------------------------


class SetBudget(Command):
    """What a tenant or a device may have recorded in a day in one service; without a number it is as the setting says.

    Devices are counted in `devices` alone. `reason` is shown to the tenant in its audit log: it names nobody.
    """

    service: BudgetService
    kind: PayerKind
    payer_id: Id
    events_per_day: EventsADay | None
    reason: FilledLine


class OpenSession(Command):
    """Log in. `identifier` is an e-mail address, a mobile number as it is written where installers work, or a UID."""

    identifier: Annotated[str, Field(min_length=1, max_length=254)]
    password: Annotated[str, Field(min_length=1, max_length=256, repr=False)]
    session_id: SessionId
    agent: Annotated[str, Field(max_length=256), labelled(256)] = ""
    account_id: Filled = None
    verified_hash: Filled = None
    address: Filled = None


class CloseSession(Command):
    """Log out, or end one of one's own other sessions."""

    account_id: Id
    session_id: SessionId


class KeepSession(Command):
    """A session was used: it lasts on. Sent by the gateway, for a login and never for account access."""

    account_id: Id
    session_id: SessionId


class ChangePassword(Command):
    """Replace one's own password. Ends all other sessions of the account."""

    account_id: Id
    current_password: Annotated[str, Field(max_length=256, repr=False)]
    new_password: Annotated[str, Field(min_length=10, max_length=256, repr=False)]
    current_hash: Filled = None
    password_hash: Filled = None


class StartImpersonation(Command):
    """A distributor switches into an installer's account, for at most 60 minutes, with a reason."""

    installer_id: Id
    reason: FilledLine
    session_id: SessionId
    agent: Annotated[str, Field(max_length=256), labelled(256)] = ""


class EndImpersonation(Command):
    """The distributor goes back, or time is up."""

    installer_id: Id
    session_id: SessionId


# --- Commands: households ---------------------------------------------------------------------------------------------


class AddUser(Command):
    """Add a household and its master account (U-08..U-30). Starts inactivated."""

    user_id: Id
    name: Name
    room: Line | None = None
    email: Email | None = None
    country: Country | None = None
    address: FilledLine
    mobile: Phone | None = None
    call_type: CallType = CallType.IP_CALL
    time_zone: Line | None = None
    language: MailLanguage = MailLanguage.ENGLISH
    landlines: Landlines = (None, None, None)
    home_automation: bool = False
    premium: bool
    landline_service: bool | None = None
    with_indoor_monitor: bool = False
    password_hash: Filled = None


class EditUser(Command):
    """Replace what the form shows (U-31, U-32)."""

    user_id: Id
    name: Name
    room: Line | None = None
    email: Email | None = None
    country: Country | None = None
    address: FilledLine
    mobile: Phone | None = None
    call_type: CallType = CallType.IP_CALL
    time_zone: Line | None = None
    language: MailLanguage = MailLanguage.ENGLISH
    landlines: Landlines = (None, None, None)
    home_automation: bool = False
    premium: bool
    landline_service: bool | None = None
    with_indoor_monitor: bool = False


class ActivateUser(Command):
    """The activation was paid: the account becomes normal for one initial term."""

    user_id: Id
    months: Annotated[int, Field(ge=1, le=60)] = ACTIVATION_MONTHS


class RenewUser(Command):
    """A renewal was paid: calendar months from now or from the present expiry, whichever is later (R-45)."""

    user_id: Id
    months: Annotated[int, Field(ge=1, le=60)]


class NoteIndoorMonitor(Command):
    """An indoor monitor stands in the household: it has one, unless somebody chose otherwise (U-45)."""

    user_id: Id


class ExpireUser(Command):
    """The service has run out. Records nothing while it has not."""

    user_id: Id


class ResetUser(Command):
    """Empty the household for the next tenants (U-36..U-47)."""

    user_id: Id


class DeleteUser(Command):
    """Remove the household (U-34, R-12)."""

    user_id: Id


class ResetPassword(Command):
    """Issue a new initial password to the master or a member, and end their sessions (U-35)."""

    user_id: Id
    account_id: Id
    password_hash: Filled = None


class SetFreeSubaccounts(Command):
    """A distributor sets how many family accounts are free for a household (R-16)."""

    user_id: Id
    free_subaccounts: Annotated[int, Field(ge=0, le=MEMBERS_MAX)]


class LinkSite(Command):
    """Record that the same person also holds another household, at whatever installer (R-11)."""

    user_id: Id
    site_id: Id


class UnlinkSite(Command):
    """Take a link between two households back."""

    user_id: Id
    site_id: Id


class AddMember(Command):
    """Add a family account (F-01..F-03)."""

    user_id: Id
    member_id: Id
    name: Name
    email: Email | None = None
    country: Country | None = None
    mobile: Phone | None = None
    language: MailLanguage = MailLanguage.ENGLISH
    password_hash: Filled = None


class EditMember(Command):
    """Replace what the member form shows (F-05)."""

    user_id: Id
    member_id: Id
    name: Name
    email: Email | None = None
    country: Country | None = None
    mobile: Phone | None = None
    language: MailLanguage = MailLanguage.ENGLISH


class DeleteMember(Command):
    """Remove a family account (F-05)."""

    user_id: Id
    member_id: Id


# --- Events: partners -------------------------------------------------------------------------------------------------


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


# --- Events: access ---------------------------------------------------------------------------------------------------


class BudgetSet(Event):
    """A super manager set what a tenant or a device may have recorded in a day in one service, and said why."""

    service: BudgetService
    kind: PayerKind
    payer_id: str
    events_per_day: int | None
    reason: str


class AccessOpened(Event):
    """An account may log in. `household_id` is set for residents, `name` for whoever has no aggregate of their own."""

    account_id: str
    role: Role
    distributor_id: str | None
    installer_id: str | None
    household_id: str | None
    name: Personal | None = None
    password_hash: Personal
    key: str


class AccessClosed(Event):
    """An account may no longer log in; all its sessions are over."""

    account_id: str


class PasswordIssued(Event):
    """A new initial password was issued; it must be changed at the next login, and all sessions are over."""

    account_id: str
    password_hash: Personal
    key: str


class PasswordRevoked(Event):
    """Nobody can log in to the account until a password is issued; all its sessions are over."""

    account_id: str
    key: str


class PasswordChanged(Event):
    """The holder chose a password; every session but the one that did it is over."""

    account_id: str
    password_hash: Personal
    kept_session_id: str | None


class SessionOpened(Event):
    """Somebody logged in, or switched in (`impersonator_id`)."""

    account_id: str
    session_id: str
    expires_at: RecordedMoment
    agent: Personal
    address: Personal | None = None
    impersonator_id: str | None = None
    reason: Personal | None = None


class SessionClosed(Event):
    """A session is over."""

    account_id: str
    session_id: str


class SessionKept(Event):
    """A session was used and lasts on."""

    account_id: str
    session_id: str
    expires_at: RecordedMoment


class LoginClaimed(Event):
    """An identifier (e-mail address, mobile number, UID) leads to this account and to no other."""

    account_id: str


class LoginReleased(Event):
    """The identifier is free."""

    account_id: str


class SipNumberAllocated(Event):
    """A SIP number belongs to a household or one of its people."""

    number: str
    household_id: str


class SipNumberReleased(Event):
    """The number is out of use and stays in quarantine until the given time (R-12)."""

    number: str
    quarantined_until: RecordedMoment


# --- Events: households -----------------------------------------------------------------------------------------------


class UserAdded(Event):
    """A household exists, inactivated, with its SIP numbers. The personal SIP number is also its UID."""

    user_id: str
    installer_id: str
    distributor_id: str
    name: Personal
    room: Personal | None
    email: Personal | None
    country: Personal | None
    address: Personal
    mobile: Personal | None
    landlines: tuple[Personal | None, ...]
    call_type: CallType
    time_zone: str | None
    language: MailLanguage
    home_automation: bool
    premium: bool
    landline_service: bool
    with_indoor_monitor: bool
    family_sip: str
    personal_sip: str


class ResidenceDescribed(Event):
    """The household's name, room or address is now this."""

    user_id: str
    installer_id: str
    name: Personal
    room: Personal | None
    address: Personal


class ContactsChanged(Event):
    """The master is reached by these."""

    user_id: str
    installer_id: str
    email: Personal | None
    country: Personal | None
    mobile: Personal | None
    landlines: tuple[Personal | None, ...]


class PreferencesChosen(Event):
    """How the household calls, reads the clock and is written to."""

    user_id: str
    installer_id: str
    call_type: CallType
    time_zone: str | None
    language: MailLanguage
    with_indoor_monitor: bool


class IndoorMonitorNoted(Event):
    """The household has an indoor monitor, because one was bound and nobody had chosen otherwise."""

    user_id: str
    installer_id: str


class HomeAutomationSwitched(Event):
    """Home Automation is on or off for the household."""

    user_id: str
    installer_id: str
    on: bool


class PremiumSwitched(Event):
    """The premium plan (landline service and third-party cameras) is on or off."""

    user_id: str
    installer_id: str
    on: bool


class LandlineServiceSwitched(Event):
    """Calls between landlines and intercoms are on or off; effective only while premium is active (R-02)."""

    user_id: str
    installer_id: str
    on: bool


class UserActivated(Event):
    """The account is normal until it expires."""

    user_id: str
    installer_id: str
    expires_at: RecordedMoment


class UserRenewed(Event):
    """The account is normal until a later day."""

    user_id: str
    installer_id: str
    expires_at: RecordedMoment


class UserExpired(Event):
    """The account's service has run out."""

    user_id: str
    installer_id: str


class FreeSubaccountsSet(Event):
    """So many family accounts are free for this household."""

    user_id: str
    installer_id: str
    free_subaccounts: int


class SiteLinked(Event):
    """The same person also holds that household."""

    user_id: str
    installer_id: str
    site_id: str


class SiteUnlinked(Event):
    """The link to that household is gone."""

    user_id: str
    installer_id: str
    site_id: str


class MemberAdded(Event):
    """A family account exists, with a personal SIP number under the family's."""

    user_id: str
    installer_id: str
    member_id: str
    name: Personal
    email: Personal | None
    country: Personal | None
    mobile: Personal | None
    language: MailLanguage
    sip: str


class MemberEdited(Event):
    """The family account's form is now this."""

    user_id: str
    installer_id: str
    member_id: str
    name: Personal
    email: Personal | None
    country: Personal | None
    mobile: Personal | None
    language: MailLanguage


class MemberDeleted(Event):
    """A family account is gone."""

    user_id: str
    installer_id: str
    member_id: str


class UserReset(Event):
    """The household is empty again: no members, no contacts, no credentials; its settings and devices stay.

    The name, room and address that are kept are written again under the next data key; `erased_key` is the one whose
    destruction makes everything earlier unreadable.
    """

    user_id: str
    installer_id: str
    distributor_id: str
    name: Personal
    room: Personal | None
    address: Personal
    members: tuple[str, ...]
    erased_key: str


class UserDeleted(Event):
    """The household is gone; `erased_key` is the data key to destroy."""

    user_id: str
    installer_id: str
    distributor_id: str
    members: tuple[str, ...]
    erased_key: str


# --- Queries and views ------------------------------------------------------------------------------------------------


class UserSearchKey(StrEnum):
    """The five keys of the user search (U-06)."""

    NAME = "name"
    EMAIL = "email"
    MOBILE = "mobile"
    FAMILY_SIP = "family_sip"
    SIP = "sip"


class MemberView(View):
    """A family account. One that `waits_for_password` lets nobody in until the installer issues a password."""

    member_id: str
    name: str
    email: str | None
    country: str | None
    mobile: str | None
    language: MailLanguage
    sip: str
    created_at: RecordedMoment
    waits_for_password: bool = False


class UserRow(View):
    """A row of the User list (U-01). Times are UTC."""

    user_id: str
    uid: str
    name: str
    room: str | None
    email: str | None
    mobile: str | None
    family_sip: str
    personal_sip: str
    members: int
    free_quota: int
    status: AccountStatus
    premium: PremiumStatus
    home_automation: bool
    created_at: RecordedMoment
    expires_at: RecordedMoment | None
    premium_expires_at: RecordedMoment | None


class UserPage(View):
    """One page of households; `total` counts all that match."""

    rows: tuple[UserRow, ...]
    total: int
    page: int
    per_page: int


class UserDetail(UserRow):
    """Everything the edit form and the family page show."""

    installer_id: str
    country: str | None
    address: str
    call_type: CallType
    time_zone: ZoneName | None
    effective_time_zone: ZoneName
    language: MailLanguage
    landlines: tuple[str | None, str | None, str | None]
    premium_on: bool
    landline_service: bool
    landline_effective: bool
    with_indoor_monitor: bool
    app_registered: bool
    linked_sites: tuple[str, ...]
    family: tuple[MemberView, ...]
    waits_for_password: bool = False
    revision: str


class ListUsers(Query):
    """A page of the caller's households, newest first."""

    page: Page = 1
    per_page: PerPage = 10
    key: UserSearchKey | None = None
    q: Annotated[str, Field(max_length=128)] = ""


class GetUser(Query):
    """One household, or `user-unknown`."""

    user_id: Id


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


class SessionRow(View):
    """One open session of an account."""

    session_id: str
    opened_at: RecordedMoment
    expires_at: RecordedMoment
    agent: str
    address: str | None
    impersonator_id: str | None


class SessionList(View):
    """The caller's open sessions, newest first."""

    rows: tuple[SessionRow, ...]


class ListSessions(Query):
    """The caller's own open sessions."""


class SessionView(View):
    """Who holds a session, and what their console may show."""

    session_id: str
    account_id: str
    role: Role
    name: str
    distributor_id: str | None
    installer_id: str | None
    household_id: str | None
    must_change_password: bool
    account_access_offered: bool
    permission_granted: bool
    offline_solution: bool
    time_zone: ZoneName
    expires_at: RecordedMoment
    impersonator_id: str | None
    impersonator_name: str | None
    reason: str | None


class GetSession(Query):
    """The holder of a session, or `session-unknown`. Asked by the gateway itself, before it knows an actor."""

    session_id: SessionId


class LoginOwner(View):
    """Whom an identifier leads to, or nobody; `login` is the same text for every spelling of the identifier."""

    account_id: str | None
    login: str


class FindLoginOwner(Query):
    """Whom an identifier leads to. Asked by the gateway alone, which counts wrong passwords; no route shows it."""

    identifier: Annotated[str, Field(min_length=1, max_length=254)]


class AuditRow(View):
    """One line of the audit trail: names are those of staff, ids those of residents.

    `reason` is what the distributor gave when it switched into an installer's account, or a super manager when it set
    a budget. Of a Reset or Delete `erased_by`
    says by when nothing is left in any copy that a store makes, and `erased_at` since when nothing is.
    """

    event_id: str
    at: RecordedMoment
    type: str
    about: str
    about_kind: str
    actor_id: str
    actor_role: Role
    actor_name: str | None
    impersonator_id: str | None
    impersonator_name: str | None
    address: str | None
    reason: str | None
    erased_by: RecordedMoment | None = None
    erased_at: RecordedMoment | None = None


class AuditPage(View):
    """Lines of the audit trail, newest first; `next` is the cursor of the following page."""

    rows: tuple[AuditRow, ...]
    next: str | None


class ListAudit(Query):
    """What was done to a household, an installer or a distributor; the caller's own account when none is named."""

    subject_id: Id | None = None
    cursor: Annotated[str | None, Field(max_length=64)] = None
    limit: PerPage = 50


class ListBudgets(BudgetQuery):
    """Which tenants used most of a day's budget in `accounts`."""


EVENTS: tuple[type[Event], ...] = tuple(
    each
    for each in list(globals().values())
    if isinstance(each, type) and issubclass(each, Event) and each is not Event
)
COMMANDS: tuple[type[Command], ...] = tuple(
    each
    for each in list(globals().values())
    if isinstance(each, type) and issubclass(each, Command) and each is not Command
)
QUERIES: dict[type[Query], type[View]] = {
    ListUsers: UserPage,
    GetUser: UserDetail,
    ListInstallers: InstallerPage,
    GetInstaller: InstallerDetail,
    ListDistributors: DistributorPage,
    ListSessions: SessionList,
    GetSession: SessionView,
    FindLoginOwner: LoginOwner,
    ListAudit: AuditPage,
    ListBudgets: BudgetList,
}
