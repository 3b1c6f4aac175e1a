"""Who gets in at a home's doors by what: granted, and withdrawn."""

from __future__ import annotations

from contracts.devices.homes import (
    CredentialGranted,
    CredentialKind,
    CredentialWithdrawn,
    GrantCredential,
    WithdrawCredential,
)
from contracts.devices.relays import RelayRef
from contracts.permissions import within
from contracts.refusals import refused
from kernel.deciding.decider import Neighbours, Outcome
from services.devices.doors import door_secrets
from services.devices.homes.home import Credential, Home, opens
from services.devices.intercoms.device import Device
from services.devices.intercoms.device import ref as device_of
from services.devices.models.model import Models

CREDENTIALS_MAX = 200


def grant(command: GrantCredential, home: Home, there: Neighbours, models: Models) -> Outcome:
    _check(command, home)
    secret = _secret(command)
    relays = tuple(dict.fromkeys(command.relays))
    if present := home.credentials.get(command.credential_id):
        return _repeated(command, present, relays)
    if command.valid_from and command.valid_to and command.valid_to <= command.valid_from:
        raise refused("validity-backwards", "valid_to")
    for number, ref in enumerate(relays):
        _check_relay(ref, command.kind, home, there, f"relays.{number}")
        _check_length(command.kind, secret, models.pin_digits(there[device_of(ref.device_id)].model))
    if home.is_taken(secret, command.kind):
        raise refused("credential-in-use", "secret")
    if len(home.credentials) >= CREDENTIALS_MAX:
        raise refused("credentials-full")
    assert command.installer_id
    granted = CredentialGranted(
        user_id=command.user_id,
        installer_id=command.installer_id,
        credential_id=command.credential_id,
        kind=command.kind,
        holder=command.holder,
        secret=secret,
        relays=relays,
        valid_from=command.valid_from,
        valid_to=command.valid_to,
    )
    return [granted]


def withdraw(command: WithdrawCredential, home: Home, _: Neighbours) -> Outcome:
    present = home.credentials.get(command.credential_id)
    if present is None or not within(command.actor, distributor_id=None, installer_id=present.installer_id):
        raise refused("credential-unknown")
    withdrawn = CredentialWithdrawn(
        user_id=command.user_id, installer_id=present.installer_id, credential_id=command.credential_id
    )
    return [withdrawn]


def _check_length(kind: CredentialKind, secret: str, digits: tuple[int, int]) -> None:
    fewest, most = digits
    if kind is CredentialKind.PIN and not fewest <= len(secret) <= most:
        raise refused("pin-length-not-for-model", "secret")


def _check(command: GrantCredential, home: Home) -> None:
    known = not home.forgotten and within(
        command.actor, distributor_id=command.distributor_id, installer_id=command.installer_id
    )
    if not known:
        raise refused("user-unknown")


def _check_relay(ref: RelayRef, kind: CredentialKind, home: Home, there: Neighbours, field: str) -> None:
    if ref.device_id not in home.devices:
        raise refused("device-unknown", field)
    device: Device = there[device_of(ref.device_id)]
    relay = device.relay(ref.relay)
    if relay is None or not relay.enabled:
        raise refused("relay-unknown", field)
    if not opens(kind, relay):
        raise refused("method-off", field)


def _secret(command: GrantCredential) -> str:
    secret = door_secrets.plain(command.kind, command.secret or command.made_secret or "")
    if fault := door_secrets.fault(command.kind, secret):
        raise refused(fault, "secret")
    return secret


def _repeated(command: GrantCredential, present: Credential, relays: tuple[RelayRef, ...]) -> Outcome:
    wanted = (command.kind, command.holder, relays, command.valid_from, command.valid_to)
    if wanted != (present.kind, present.holder, present.relays, present.valid_from, present.valid_to):
        raise refused("id-taken")
    if command.secret and _secret(command) != present.secret:
        raise refused("id-taken")
    return []
