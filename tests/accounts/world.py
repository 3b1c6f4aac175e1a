"""People and facts for the specs of accounts: each as the log would tell it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

from contracts.accounts.access import AccessOpened, LoginClaimed, SessionOpened
from contracts.accounts.households import AddUser, CallType, EditUser, UserAdded
from contracts.accounts.members import AddMember, EditMember, MemberAdded
from contracts.accounts.numbers import SipNumberAllocated
from contracts.accounts.terms import UserActivated
from contracts.accounts.words import MailLanguage
from contracts.message import Actor, Command, Event, Role
from kernel.deciding.decider import Elsewhere, Ref
from services.accounts.access import login
from services.accounts.numbers import sip

C = TypeVar("C", bound=Command)

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def number(n: int) -> str:
    return f"00000000-0000-7000-8000-{n:012d}"


ROOT, DISTRIBUTOR, INSTALLER, USER, MEMBER, SITE = map(number, range(1, 7))
OTHER_DISTRIBUTOR, OTHER_INSTALLER = number(12), number(13)

root = Actor(account_id=ROOT, role=Role.SUPER_MANAGER)
distributor = Actor(account_id=DISTRIBUTOR, role=Role.DISTRIBUTOR, distributor_id=DISTRIBUTOR)
installer = Actor(
    account_id=INSTALLER,
    role=Role.INSTALLER,
    distributor_id=DISTRIBUTOR,
    installer_id=INSTALLER,
    session_id="a" * 64,
    address="192.0.2.1",
)
other_distributor = Actor(account_id=OTHER_DISTRIBUTOR, role=Role.DISTRIBUTOR, distributor_id=OTHER_DISTRIBUTOR)
other_installer = Actor(
    account_id=OTHER_INSTALLER,
    role=Role.INSTALLER,
    distributor_id=OTHER_DISTRIBUTOR,
    installer_id=OTHER_INSTALLER,
)
sibling_installer = Actor(
    account_id=number(14), role=Role.INSTALLER, distributor_id=DISTRIBUTOR, installer_id=number(14)
)
master = Actor(
    account_id=USER,
    role=Role.FAMILY_MASTER,
    distributor_id=DISTRIBUTOR,
    installer_id=INSTALLER,
    household_id=USER,
    session_id="b" * 64,
)

FAMILY_SIP = sip.family_candidates(USER)[0]
PERSONAL_SIP = sip.personal_candidates(USER)[0]
MEMBER_SIP = sip.personal_candidates(MEMBER)[0]
EMAIL, MOBILE, MEMBER_EMAIL = "li.wei@example.org", "+8613800138000", "li.na@example.org"


def ask(kind: type[C], actor: Actor = installer, at: datetime = NOW, **fields: Any) -> C:
    return kind(command_id=uuid4(), at=at, actor=actor, **fields)


def changed(command: C, **fields: Any) -> C:
    """The same wish with other words, under an id of its own."""
    return type(command).model_validate({**dict(command), "command_id": uuid4(), **fields})


FORM: dict[str, Any] = {
    "user_id": USER,
    "name": "李伟",
    "room": "Room 1203",
    "email": EMAIL,
    "country": "CN",
    "address": "上海市浦东新区世纪大道100号",
    "mobile": "138 0013 8000",
    "time_zone": "Asia/Shanghai",
    "language": MailLanguage.SIMPLIFIED_CHINESE,
    "landlines": ("021 6841 0000", None, None),
    "premium": False,
    "with_indoor_monitor": True,
}
add_user = ask(AddUser, **FORM, password_hash="hash-1")
edit_user = ask(EditUser, **FORM)
add_member = ask(AddMember, user_id=USER, member_id=MEMBER, name="李娜", email=MEMBER_EMAIL, password_hash="hash-2")
edit_member = ask(EditMember, user_id=USER, member_id=MEMBER, name="李娜", email=MEMBER_EMAIL)

added = UserAdded(
    user_id=USER,
    installer_id=INSTALLER,
    distributor_id=DISTRIBUTOR,
    name="李伟",
    room="Room 1203",
    email=EMAIL,
    country="CN",
    address="上海市浦东新区世纪大道100号",
    mobile=MOBILE,
    landlines=("+862168410000", None, None),
    call_type=CallType.IP_CALL,
    time_zone="Asia/Shanghai",
    language=MailLanguage.SIMPLIFIED_CHINESE,
    home_automation=False,
    premium=False,
    landline_service=False,
    with_indoor_monitor=True,
    family_sip=FAMILY_SIP,
    personal_sip=PERSONAL_SIP,
)
site_added = added.model_copy(
    update={
        "user_id": SITE,
        "installer_id": OTHER_INSTALLER,
        "distributor_id": OTHER_DISTRIBUTOR,
        "email": None,
        "mobile": None,
    }
)
activated = UserActivated(user_id=USER, installer_id=INSTALLER, expires_at=datetime(2027, 11, 1, tzinfo=UTC))
member_added = MemberAdded(
    user_id=USER,
    installer_id=INSTALLER,
    member_id=MEMBER,
    name="李娜",
    email=MEMBER_EMAIL,
    country=None,
    mobile=None,
    language=MailLanguage.ENGLISH,
    sip=MEMBER_SIP,
)


def opened(account_id: str, role: Role, password_hash: str, key: str, actor: Actor = master) -> AccessOpened:
    resident = role in (Role.FAMILY_MASTER, Role.FAMILY_MEMBER)
    return AccessOpened(
        account_id=account_id,
        role=role,
        distributor_id=actor.distributor_id,
        installer_id=actor.installer_id,
        household_id=actor.household_id if resident else None,
        password_hash=password_hash,
        key=key,
    )


master_opened = opened(USER, Role.FAMILY_MASTER, "hash-1", f"{USER}.0")
member_opened = opened(MEMBER, Role.FAMILY_MEMBER, "hash-2", f"{USER}.0")
installer_opened = opened(INSTALLER, Role.INSTALLER, "hash-3", f"{INSTALLER}.0", installer)


def session(account_id: str, session_id: str, impersonator_id: str | None = None) -> SessionOpened:
    return SessionOpened(
        account_id=account_id,
        session_id=session_id,
        expires_at=NOW + timedelta(hours=1 if impersonator_id else 12),
        agent="Firefox",
        impersonator_id=impersonator_id,
        reason="The monitor does not ring" if impersonator_id else None,
    )


def elsewhere(kind: str, id: str, event: Event) -> Elsewhere:
    return Elsewhere(Ref(kind, id), event)


def claimed(ref: Ref, account_id: str) -> Elsewhere:
    return Elsewhere(ref, LoginClaimed(account_id=account_id))


def allocated(sip_number: str, household_id: str = USER) -> Elsewhere:
    return elsewhere("sip", sip_number, SipNumberAllocated(number=sip_number, household_id=household_id))


by_email, by_mobile, by_uid = login.by_email, login.by_mobile, login.by_uid
