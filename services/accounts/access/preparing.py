"""What the service does about passwords before it decides: find the account, verify, make, hash.

The rule it protects: whoever fails to log in learns nothing, neither from the words of the refusal nor from its time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from contracts.accounts.access import (
    AccessOpened,
    ChangePassword,
    CloseSession,
    LoginAnswer,
    OpenSession,
    PasswordIssued,
    ResetPassword,
)
from contracts.accounts.households import AddUser, NewUserAnswer
from contracts.accounts.leaving import DeleteUser, ErasureAnswer, ResetUser
from contracts.accounts.members import AddMember, NewMemberAnswer
from contracts.accounts.partners import CreateDistributor, CreateInstaller, CreatePropertyManager, CreateSuperManager
from contracts.accounts.words import CredentialAnswer
from contracts.acting import hands_over
from contracts.message import Actor, Answer, Command, Event
from contracts.refusals import refused
from kernel.deciding.handling import Handled
from kernel.service.declaration import Tools
from services.accounts.access import access
from services.accounts.access.access import Access
from services.accounts.access.login_owner import owner_of
from services.accounts.access.passwords import hash_of, hash_of_initial, initial_credential, is_right, is_weak
from services.accounts.households.household import Household

C = TypeVar("C", bound=Command)


async def verify_login(command: OpenSession, tools: Tools) -> OpenSession:
    """Name the account, and let it be the one who acts. Refuses (`login-failed`) an unknown one like a wrong word."""
    account = await _account_behind(command.identifier, tools)
    kept = account.password_hash if account and account.is_open else None
    if not await is_right(command.password, kept) or account is None:
        raise refused("login-failed")
    holder = Actor(
        account_id=account.account_id,
        role=account.role,
        distributor_id=account.distributor_id,
        installer_id=account.installer_id,
        household_id=account.household_id,
        address=command.actor.address,
    )
    return filled(
        command,
        actor=_recordable(holder),
        account_id=account.account_id,
        verified_hash=account.password_hash,
        address=command.actor.address,
    )


async def verify_change(command: ChangePassword, tools: Tools) -> ChangePassword:
    """Verify the present password and hash the new one."""
    command = await hide_address(command, tools)
    account, _ = await tools.load(access.ref(command.actor.account_id))
    kept = account.password_hash
    if not await is_right(command.current_password, kept):
        if await is_right(command.new_password, kept):
            return filled(command, current_hash=kept, password_hash=kept)  # a repeat: the change has been made
        raise refused("password-wrong", "current_password")
    if is_weak(command.new_password):
        raise refused("password-weak", "new_password")
    if command.new_password == command.current_password:
        raise refused("password-same", "new_password")
    return filled(command, current_hash=kept, password_hash=await hash_of(command.new_password))


async def hide_address(command: C, tools: Tools) -> C:
    """Where residents are is personal, and who acted is written beside events in the clear."""
    return filled(command, actor=_recordable(command.actor))


async def make_initial(command: C, tools: Tools) -> C:
    """Make the password of a new account, or the new one of an old account.

    None that opens when the actor hands none over: the account then waits for whoever does.
    """
    if not hands_over(command.actor):
        return filled(command, password_hash=access.UNUSABLE)
    command_id = str(command.command_id)
    credential = initial_credential(tools.secrets, command_id)
    return filled(command, password_hash=hash_of_initial(tools.secrets, credential, command_id))


async def choose_initial(command: CreateSuperManager, tools: Tools) -> CreateSuperManager:
    """Take the operator's choice of a first password, or make one."""
    if command.initial_password is None:
        return await make_initial(command, tools)
    return filled(command, password_hash=await hash_of(command.initial_password))


def tell_initial(command: Command, handled: Handled, tools: Tools) -> CredentialAnswer:
    return CredentialAnswer(credential=_made_initial(command, handled, tools))


def _made_initial(command: Command, handled: Handled, tools: Tools) -> str | None:
    """The initial credential, while it is what this command made: told with the answer and kept nowhere."""
    command_id = str(command.command_id)
    credential = initial_credential(tools.secrets, command_id)
    made = hash_of_initial(tools.secrets, credential, command_id)
    is_made = any(
        event.password_hash == made for event in handled.events if isinstance(event, AccessOpened | PasswordIssued)
    )
    return credential if is_made else None


def tell_chosen(command: CreateSuperManager, handled: Handled, tools: Tools) -> CredentialAnswer:
    return CredentialAnswer() if command.initial_password is not None else tell_initial(command, handled, tools)


def tell_new_user(command: AddUser, handled: Handled, tools: Tools) -> NewUserAnswer:
    household: Household = handled.state
    credential = _made_initial(command, handled, tools)
    return NewUserAnswer(credential=credential, uid=household.personal_sip, family_sip=household.family_sip)


def tell_new_member(command: AddMember, handled: Handled, tools: Tools) -> NewMemberAnswer:
    household: Household = handled.state
    member = household.member(command.member_id)
    return NewMemberAnswer(credential=_made_initial(command, handled, tools), uid=member.sip if member else None)


def tell_login(command: OpenSession, handled: Handled, tools: Tools) -> LoginAnswer:
    account: Access = handled.state
    return LoginAnswer(role=account.role, must_change_password=account.must_change)


def filled(command: C, **fields: Event | Actor | str | None) -> C:
    """The command with the fields that only this service may fill."""
    return command.model_copy(update=fields)


def _recordable(actor: Actor) -> Actor:
    return actor if actor.household_id is None else actor.model_copy(update={"address": None})


async def _account_behind(identifier: str, tools: Tools) -> Access | None:
    account_id = (await owner_of(identifier, tools)).account_id
    if account_id is None:
        return None
    account, _ = await tools.load(access.ref(account_id))
    return account if isinstance(account, Access) else None


PREPARE: dict[type[Command], Callable[[Any, Tools], Awaitable[Command]]] = {
    OpenSession: verify_login,
    CloseSession: hide_address,
    ChangePassword: verify_change,
    CreateSuperManager: choose_initial,
    **dict.fromkeys(
        (AddUser, AddMember, CreateDistributor, CreateInstaller, CreatePropertyManager, ResetPassword), make_initial
    ),
}


def tell_erased_by(command: ResetUser | DeleteUser, _: Handled, tools: Tools) -> ErasureAnswer:
    return ErasureAnswer(erased_by=(command.at + tools.settings.erased_within).isoformat())


ANSWERS: dict[type[Command], Callable[[Any, Handled, Tools], Answer]] = {
    OpenSession: tell_login,
    CreateSuperManager: tell_chosen,
    AddUser: tell_new_user,
    AddMember: tell_new_member,
    CreateDistributor: tell_initial,
    CreateInstaller: tell_initial,
    CreatePropertyManager: tell_initial,
    ResetPassword: tell_initial,
    ResetUser: tell_erased_by,
    DeleteUser: tell_erased_by,
}
