"""Passwords: kept as hashes, compared with the same effort whether the account exists or not.

People's own passwords go through Argon2id. Initial credentials are made here with about 79 bits of chance, which no
guessing reaches, so one SHA-256 keeps them: a region adds thousands of households without burning a core on it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from contracts.characters import with_ascii_digits
from contracts.text import folded
from kernel.keeping.secrets import Secrets

P = ParamSpec("P")
T = TypeVar("T")

# OWASP's minimum. Two at a time: at most 38 MiB, and the other core stays with the rest of the house.
_ARGON2 = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# Of a password that was drawn and forgotten, with the same settings: to compare with costs as much as with a real one.
_NOBODYS = "$argon2id$v=19$m=19456,t=2,p=1$c0BiZWw7dDf+OIVbdNZZSw$Mr8ymNYcALAZmbZ6W2shKUgm7G3dxmJGg9Vkx5SMEYw"
_WORKERS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")
_INITIAL = "sha256$"
# No I, L, O, U, 0, 1: it is read off a screen and typed into a telephone.
_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_GROUPS, _GROUP = 4, 4

_GUESSED_FIRST = frozenset((Path(__file__).parent / "guessed_first.txt").read_text().split())


def initial_credential(secrets: Secrets, command_id: str) -> str:
    """The password that a command issues, such as `7KQM-42XR-PB9D-HTWC`: the same for a repeat of the command."""
    drawn = int.from_bytes(secrets.derive("initial-credential", command_id), "big")
    letters = []
    for _ in range(_GROUPS * _GROUP):
        drawn, index = divmod(drawn, len(_LETTERS))
        letters.append(_LETTERS[index])
    text = "".join(letters)
    return "-".join(text[i : i + _GROUP] for i in range(0, len(text), _GROUP))


def hash_of_initial(secrets: Secrets, credential: str, command_id: str) -> str:
    """What is kept of an initial credential. Only for those that `initial_credential` made."""
    salt = secrets.derive("initial-credential-salt", command_id).hex()[:32]
    return f"{_INITIAL}{salt}${_digest(salt, credential)}"


async def hash_of(password: str) -> str:
    """What is kept of a password that somebody chose, in NFC: another keyboard writes the same word in other pieces."""
    return await _run(_ARGON2.hash, unicodedata.normalize("NFC", password))


async def is_right(password: str, kept: str | None) -> bool:
    """Does the password belong to that hash? As slow for no hash, or an unusable one, as for a wrong password."""
    if kept is not None and kept.startswith(_INITIAL):
        salt, _, digest = kept.removeprefix(_INITIAL).partition("$")
        await _run(_verified, _NOBODYS, password)
        return hmac.compare_digest(_digest(salt, password), digest)
    is_argon2 = kept is not None and kept.startswith("$argon2id$")
    # Those that were chosen earlier were kept as they were typed.
    spelt = dict.fromkeys((unicodedata.normalize("NFC", password), password, unicodedata.normalize("NFD", password)))
    checked = [await _run(_verified, kept if is_argon2 and kept else _NOBODYS, each) for each in spelt]
    return is_argon2 and any(checked)


def is_weak(password: str) -> bool:
    """Whether it is among what is guessed first, however it is dressed up."""
    plain = folded(password)
    bare = plain.rstrip("!?.,-_ ")
    return bool({plain, bare} & _GUESSED_FIRST) or len(set(plain)) < 4


def _verified(kept: str, password: str) -> bool:
    try:
        return _ARGON2.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False


def _digest(salt: str, credential: str) -> str:
    # Typed off a screen: the case and the dashes do not matter.
    letters = "".join(filter(str.isalnum, with_ascii_digits(credential).upper()))
    return hashlib.sha256(f"{salt}${letters}".encode()).hexdigest()


async def _run(work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    return await asyncio.get_running_loop().run_in_executor(_WORKERS, partial(work, *arguments, **named))
