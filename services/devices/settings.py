"""What the devices service alone reads from its environment."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from kernel.process.settings import Settings
from kernel.service.declaration import Tools


class DevicesSettings(Settings):
    """How devices are let in, what they can, how many MACs there may be, and whom to ask for the weather."""

    nats_auth_url: Annotated[str | None, Field(validation_alias="NATS_AUTH_URL", repr=False)] = None
    """The same servers as the user of the account AUTH, who lets devices in."""
    nats_system_url: Annotated[str | None, Field(validation_alias="NATS_SYSTEM_URL", repr=False)] = None
    """The same servers as the user of the account SYS, who sees devices come and go."""
    nats_issuer_seed: Annotated[str | None, Field(repr=False)] = None
    """The seed of the account nkey whose word nats-server takes for who is a device (`auth_callout.issuer`)."""
    models_file: Path | None = None
    """A file with further models of devices, as `services/devices/models/models.toml` has them."""
    mac_prefixes: Annotated[str, Field(pattern=r"^([0-9A-F]{6}(,[0-9A-F]{6})*)?$")] = "0C1105"
    """What the MACs of this region's makers begin with, separated by commas; of others the library warns."""
    unbound_macs_per_installer: Annotated[int, Field(ge=1)] = 200_000
    """How many MACs an installer may have in the library that belong to no device."""
    weather_url: str = ""
    """A provider of the shape of Open-Meteo, for example https://api.open-meteo.com; empty: the stand-in, offline."""
    weather_search_url: str = ""
    """Where the same provider finds places by name, for example https://geocoding-api.open-meteo.com."""
    weather_key: Annotated[str, Field(repr=False)] = ""
    """What the provider knows its customer by (`apikey`), where it wants one."""


def settings_of(tools: Tools) -> DevicesSettings:
    """The settings that the service runs with."""
    settings = tools.settings
    assert isinstance(settings, DevicesSettings)
    return settings
