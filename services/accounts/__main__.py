"""The accounts service: people, households, logins, sessions and their audit trail."""

from __future__ import annotations

from contracts.accounts.access import FindLoginOwner, GetSession, ListSessions
from contracts.accounts.audit import ListAudit
from contracts.accounts.budgets import ListBudgets
from contracts.accounts.households import GetUser, ListUsers
from contracts.accounts.partners import GetInstaller, ListDistributors, ListInstallers
from kernel.service.declaration import Service
from kernel.service.running import run
from services.accounts import audit, credentials, directory, login_owner, partners, sessions, spending
from services.accounts.access import ACCESS
from services.accounts.budget import BUDGET
from services.accounts.destroy_key_when_household_is_emptied import DESTROY_KEY
from services.accounts.distributor import DISTRIBUTOR
from services.accounts.end_impersonation_when_time_is_up import AWAIT_END, TIME_IS_UP, end
from services.accounts.expire_user_when_service_runs_out import AWAIT_EXPIRY, EXPIRY, expire
from services.accounts.household import HOUSEHOLD
from services.accounts.installer import INSTALLER
from services.accounts.live import live
from services.accounts.login import LOGIN
from services.accounts.property_manager import PROPERTY_MANAGER
from services.accounts.refusing import authorize
from services.accounts.reserve import may_use_reserve
from services.accounts.sip import SIP
from services.accounts.tallies import TALLIES

SERVICE = Service(
    name="accounts",
    aggregates=(HOUSEHOLD, ACCESS, LOGIN, SIP, INSTALLER, DISTRIBUTOR, PROPERTY_MANAGER, BUDGET),
    read_models=(
        directory.DIRECTORY,
        sessions.ACCOUNTS,
        partners.INSTALLERS,
        partners.DISTRIBUTORS,
        TALLIES,
        audit.AUDIT,
        spending.BUDGET_LIMITS,
    ),
    queries={
        ListUsers: directory.list_users,
        GetUser: directory.get_user,
        ListInstallers: partners.list_installers,
        GetInstaller: partners.get_installer,
        ListDistributors: partners.list_distributors,
        GetSession: sessions.get_session,
        FindLoginOwner: login_owner.find_login_owner,
        ListSessions: sessions.list_sessions,
        ListAudit: audit.list_audit,
        ListBudgets: spending.list_budgets,
    },
    authorize=authorize,
    prepare=credentials.PREPARE,
    answers=credentials.ANSWERS,
    live=live,
    reactions=(DESTROY_KEY, AWAIT_EXPIRY, AWAIT_END),
    timers={EXPIRY: expire, TIME_IS_UP: end},
    may_use_reserve=may_use_reserve,
)


def main() -> None:
    run(SERVICE)


if __name__ == "__main__":
    main()
