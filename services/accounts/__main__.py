"""The accounts service: people, households, logins, sessions and their audit trail."""

from __future__ import annotations

from contracts.accounts.access import FindLoginOwner, GetSession, ListSessions
from contracts.accounts.audit import ListAudit
from contracts.accounts.budgets import ListBudgets
from contracts.accounts.households import GetUser, ListUsers
from contracts.accounts.partners import GetInstaller, ListDistributors, ListInstallers
from contracts.permissions import authorize
from kernel.service.declaration import Service
from kernel.service.running import run
from services.accounts import audit
from services.accounts.access import login_owner, preparing, sessions
from services.accounts.access.access import ACCESS
from services.accounts.access.login import LOGIN
from services.accounts.access.reactions import AWAIT_END, TIME_IS_UP, end
from services.accounts.budgets import budgets
from services.accounts.budgets.budget import BUDGET
from services.accounts.budgets.reserve import may_use_reserve
from services.accounts.households import households
from services.accounts.households.decisions import HOUSEHOLD
from services.accounts.households.queries import get_user, list_users
from services.accounts.households.reactions import AWAIT_EXPIRY, DESTROY_KEY, EXPIRY, expire
from services.accounts.live import live
from services.accounts.numbers.sip import SIP
from services.accounts.partners import partners
from services.accounts.partners.distributor import DISTRIBUTOR
from services.accounts.partners.installer import INSTALLER
from services.accounts.partners.property_manager import PROPERTY_MANAGER
from services.accounts.tallies import TALLIES

SERVICE = Service(
    name="accounts",
    aggregates=(HOUSEHOLD, ACCESS, LOGIN, SIP, INSTALLER, DISTRIBUTOR, PROPERTY_MANAGER, BUDGET),
    read_models=(
        households.DIRECTORY,
        sessions.ACCOUNTS,
        partners.INSTALLERS,
        partners.DISTRIBUTORS,
        TALLIES,
        audit.AUDIT,
        budgets.BUDGET_LIMITS,
    ),
    queries={
        ListUsers: list_users,
        GetUser: get_user,
        ListInstallers: partners.list_installers,
        GetInstaller: partners.get_installer,
        ListDistributors: partners.list_distributors,
        GetSession: sessions.get_session,
        FindLoginOwner: login_owner.find_login_owner,
        ListSessions: sessions.list_sessions,
        ListAudit: audit.list_audit,
        ListBudgets: budgets.list_budgets,
    },
    authorize=authorize,
    prepare=preparing.PREPARE,
    answers=preparing.ANSWERS,
    live=live,
    reactions=(DESTROY_KEY, AWAIT_EXPIRY, AWAIT_END),
    timers={EXPIRY: expire, TIME_IS_UP: end},
    may_use_reserve=may_use_reserve,
)


def main() -> None:
    run(SERVICE)


if __name__ == "__main__":
    main()
