"""What changed, told to whoever listens at that moment: ids only, on `live.<tenant>.<thing>`, never stored."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Changed(BaseModel):
    """These things changed; a query with `after=position` shows them as they are now, or newer."""

    model_config = ConfigDict(frozen=True)

    ids: tuple[str, ...]
    position: str


def live_subject(tenant: str, thing: str) -> str:
    """Where changes to a tenant's things of one kind are told."""
    return f"live.{tenant}.{thing}"


def installers_of(distributor_id: str) -> str:
    """The tenant of a notice that every installer of a distributor hears: what it keeps for any of them changed."""
    return f"{distributor_id}-installers"
