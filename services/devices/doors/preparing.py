"""What the service does about a credential before and after it is decided: look up the household, make a PIN or a code.

What opens is personal: it is sealed in the log, told to the devices that need it and, when it was made here, with the
answer to whoever asked for it. Nothing else shows it.
"""

from __future__ import annotations

import base64
from itertools import count

from contracts.accounts.households import GetUser, UserDetail
from contracts.devices.homes import CredentialGranted, CredentialKind, GrantAnswer, GrantCredential
from contracts.message import ERASED
from kernel.deciding.handling import Handled
from kernel.service.declaration import Tools
from services.devices.doors import door_secrets
from services.devices.homes import home
from services.devices.homes.home import Home
from services.devices.intercoms import device
from services.devices.models.model import Models

_PIN_DIGITS = 6
_CODE_BYTES = 24


async def make(command: GrantCredential, tools: Tools) -> GrantCredential:
    """Say whose household it is, and make the PIN or the QR code when none was chosen."""
    user = await tools.caller.view(GetUser(actor=command.actor, user_id=command.user_id), UserDetail)
    state, _ = await tools.load(home.ref(command.user_id))
    return command.model_copy(
        update={
            "installer_id": user.installer_id,
            "distributor_id": command.actor.distributor_id,
            "made_secret": None if command.secret else _made(command, state, await _digits(command, tools), tools),
        }
    )


async def _digits(command: GrantCredential, tools: Tools) -> int:
    """How long a PIN is made: six digits, or as many as all the devices take."""
    devices = [(await tools.load(device.ref(id)))[0] for id in {ref.device_id for ref in command.relays}]
    models: Models = tools.tables
    bounds = [models.pin_digits(each.model) for each in devices]
    return max([min([_PIN_DIGITS, *(most for _, most in bounds)]), *(fewest for fewest, _ in bounds)])


def _made(command: GrantCredential, state: Home, digits: int, tools: Tools) -> str | None:
    """Derived from the command's id, so that a repeat makes the same."""
    made = (tools.secrets.derive("credential", str(command.command_id), str(n)) for n in count())
    match command.kind:
        case CredentialKind.PIN:
            pins = (f"{int.from_bytes(each) % 10**digits:0{digits}}" for each in made)
            return next(pin for pin in pins if door_secrets.is_pin(pin) and not state.is_taken(pin))
        case CredentialKind.QR:
            return base64.urlsafe_b64encode(next(made)[:_CODE_BYTES]).decode()
        case _:
            return None


def tell_made(command: GrantCredential, handled: Handled, tools: Tools) -> GrantAnswer:
    """What was made, and only that: who chose a secret knows it."""
    if command.secret:
        return GrantAnswer()
    granted = (event for event in handled.events if isinstance(event, CredentialGranted))
    return GrantAnswer(secret=next((event.secret for event in granted if event.secret is not ERASED), None))
