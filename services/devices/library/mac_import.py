"""An import of MACs: a list that was uploaded, judged line by line before anything is in the library, then put into it.

Here is what is true of it; what may be asked of it stands in `mac_import_decisions`.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import assert_never

from contracts.devices.imports import (
    ImportState,
    MacImportAbandoned,
    MacImportCompleted,
    MacImportJudged,
    MacImportOpened,
    MacImportStarted,
    MacRowsLabelled,
    MacRowsRegistered,
    MacRowsStaged,
)
from kernel.deciding.decider import Ref

MacImportEvent = (
    MacImportOpened
    | MacRowsStaged
    | MacRowsLabelled
    | MacImportJudged
    | MacImportStarted
    | MacRowsRegistered
    | MacImportCompleted
    | MacImportAbandoned
)

_DIGITS = 12
_HASH_BYTES = 32
_NO_HASH = bytes(_HASH_BYTES)


@dataclass(frozen=True, slots=True)
class Part:
    """The valid rows of a part of the list, packed: states stay in memory, and a list may have 100,000 rows."""

    macs: bytes
    lines: bytes
    code_hashes: bytes = b""

    @classmethod
    def of(cls, macs: tuple[str, ...], lines: tuple[int, ...]) -> Part:
        return cls(bytes.fromhex("".join(macs)), array("I", lines).tobytes())

    def labelled(self, code_hashes: tuple[str, ...]) -> Part:
        """With the hash of each row's code, "" for none."""
        return replace(self, code_hashes=b"".join(bytes.fromhex(each) or _NO_HASH for each in code_hashes))

    def rows(self) -> Iterator[tuple[str, int, str | None]]:
        """Each MAC with its line, and the hash of the code on its label."""
        macs, lines = self.macs.hex().upper(), array("I", self.lines)
        return ((macs[i * _DIGITS : (i + 1) * _DIGITS], line, self._hash(i)) for i, line in enumerate(lines))

    def _hash(self, place: int) -> str | None:
        found = self.code_hashes[place * _HASH_BYTES : (place + 1) * _HASH_BYTES]
        return found.hex() if found and found != _NO_HASH else None


Seen = tuple[frozenset[str], ...]


@dataclass(frozen=True, slots=True)
class MacImport:
    """How far the import is. `rows` are announced, `staged` are here; `taken` parts of them have been registered."""

    import_id: str = ""
    distributor_id: str = ""
    installer_id: str | None = None
    state: ImportState = ImportState.STAGING
    rows: int = 0
    staged: int = 0
    valid: int = 0
    refused: int = 0
    parts: tuple[Part, ...] = ()
    seen: Seen = ()
    taken: int = 0
    registered: int = 0


def evolve(imported: MacImport, event: MacImportEvent) -> MacImport:
    match event:
        case MacImportOpened():
            return MacImport(event.import_id, event.distributor_id, event.installer_id, rows=event.rows)
        case MacRowsStaged():
            return replace(
                imported,
                staged=imported.staged + len(event.macs) + len(event.refused),
                valid=imported.valid + len(event.macs),
                refused=imported.refused + len(event.refused),
                parts=(*imported.parts, Part.of(event.macs, event.lines)),
                seen=_merged(imported.seen, frozenset(event.macs)),
            )
        case MacRowsLabelled():
            return replace(imported, parts=(*imported.parts[:-1], imported.parts[-1].labelled(event.code_hashes)))
        case MacImportJudged():
            return replace(imported, state=ImportState.JUDGED, seen=())
        case MacImportStarted():
            return replace(imported, state=ImportState.RUNNING)
        case MacRowsRegistered():
            return replace(
                imported,
                taken=imported.taken + 1,
                registered=imported.registered + event.registered,
                refused=imported.refused + len(event.refused),
            )
        case MacImportCompleted():
            return replace(imported, state=ImportState.DONE, parts=())
        case MacImportAbandoned():
            return replace(imported, state=ImportState.ABANDONED, parts=(), seen=())
        case _:
            assert_never(event)


def ref(import_id: str) -> Ref:
    """The import of that id."""
    return Ref("import", import_id)


def key_of(import_id: str) -> str:
    """The data key of what the file was called and what its refused lines said."""
    return f"import.{import_id}"


def _merged(seen: Seen, more: frozenset[str]) -> Seen:
    """`seen` and `more`. Sets of like size become one, so that there are few to look into and each is rarely copied."""
    while seen and len(seen[-1]) <= len(more):
        more, seen = seen[-1] | more, seen[:-1]
    return (*seen, more)
