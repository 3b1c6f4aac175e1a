"""What the operator's own programs read from their environment, beside what a service reads."""

from typing import Annotated

from pydantic import Field

from kernel.process.settings import Settings


class OperatorSettings(Settings):
    """Whose rights erasing needs, and where virtual intercoms connect."""

    mqtt_url: str | None = None
    """Where devices connect, as they are told: mqtt://host:port."""
    eraser_mongodb_uri: Annotated[str | None, Field(repr=False)] = None
    """The same MongoDB as the user who rotates the vault and pushes the oplog; none: as the one of `mongodb_uri`."""
