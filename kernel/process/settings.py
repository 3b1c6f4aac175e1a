"""What a process is told from outside, read once. A missing or wrong value stops the start with one clear line."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import ByteSize, Field, TypeAdapter, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from kernel.keeping.secrets import Secrets
from kernel.keeping.wrapping import WrappingKeys, Wrappings

DEFAULT_LOG_MAX_BYTES = "1GiB"
_LOG_LEAST_BYTES = 2**20
_SIZE = TypeAdapter(ByteSize)


class Settings(BaseSettings):
    """Everything a service or the gateway reads from its environment.

    Names in the environment are `SMARTPLUS_` and the field in capitals, or what the field's alias says.
    """

    model_config = SettingsConfigDict(
        frozen=True, env_prefix="SMARTPLUS_", populate_by_name=True, extra="ignore", env_ignore_empty=True
    )

    nats_url: Annotated[str, Field(validation_alias="NATS_URL", repr=False)]
    """One URL, or several of one cluster, separated by commas; with the user and password of the account APP."""
    nats_monitor_url: Annotated[str | None, Field(validation_alias="NATS_MONITOR_URL")] = None
    nats_auth_url: Annotated[str | None, Field(validation_alias="NATS_AUTH_URL", repr=False)] = None
    """The same servers as the user of the account AUTH, who lets devices in."""
    nats_system_url: Annotated[str | None, Field(validation_alias="NATS_SYSTEM_URL", repr=False)] = None
    """The same servers as the user of the account SYS, who sees devices come and go."""
    nats_issuer_seed: Annotated[str | None, Field(repr=False)] = None
    """The seed of the account nkey whose word nats-server takes for who is a device (`auth_callout.issuer`)."""
    mqtt_url: str | None = None
    """Where devices connect, as they are told: mqtt://host:port."""
    mongodb_uri: Annotated[str, Field(validation_alias="MONGODB_URI", repr=False)]
    mongodb_vault_uri: Annotated[str | None, Field(validation_alias="MONGODB_VAULT_URI", repr=False)] = None
    """The same servers as the user who may read the data keys; without it, as whoever `mongodb_uri` names."""
    secret: Annotated[str | None, Field(repr=False)] = None
    """32 bytes in base64 or hexadecimal, from which every other secret is derived."""
    secret_file: Path | None = None
    """A file with the same; further lines are wrapping roots (`kernel.keeping.secrets.Secrets`)."""
    keys_dir: Path | None = None
    """The folder with the keys that wrap data keys (`kernel.keeping.wrapping`); without it the secret wraps them."""
    eraser_mongodb_uri: Annotated[str | None, Field(repr=False)] = None
    """The same MongoDB as the user who rotates the vault and pushes the oplog; none: as the one of `mongodb_uri`."""
    erased_within_hours: Annotated[int, Field(ge=3, le=24 * 30)] = 24
    """Within which time after Reset or Delete nothing is left in what stores copy; people are told so."""
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Where health and metrics answer, at the gateway the product itself; 0 takes a free one."""
    operations_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Where the gateway's health and metrics answer; keep it from the public."""
    host: str = "127.0.0.1"
    trusted_proxies: str = ""
    """Addresses or networks, separated by commas, whose `X-Forwarded-For` is believed, or `none`.

    The gateway demands it where the public URL is https.
    """
    region: str = "local"
    replicas: Annotated[int, Field(ge=1, le=5)] = 1
    """Copies of every stream; 3 in a cluster."""
    log_max_bytes: str = DEFAULT_LOG_MAX_BYTES
    """What the log of a service may hold: one size for each, and after it others by name (`1GiB,devices=20GiB`)."""
    tenant_events_per_day: Annotated[int, Field(ge=1)] = 250_000
    """How many events the people of one installer or distributor may have recorded within a day (UTC), per service."""
    device_events_per_day: Annotated[int, Field(ge=1)] = 5_000
    """How many events one device may have recorded within a day (UTC)."""
    database_prefix: str = ""
    """Before the name of every MongoDB database, so that several worlds share one server."""
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

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "pretty"] = "json"
    otlp_endpoint: Annotated[str | None, Field(validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT")] = None
    stop_timeout_s: Annotated[float, Field(gt=0, le=120)] = 15.0
    """How long a stopping service lets work in hand finish."""

    public_url: str = "http://localhost:8000"
    remote_control_host: Annotated[str, Field(pattern=r"^([a-z0-9-]+(\.[a-z0-9-]+)*)?$")] = ""
    """Below which devices' own pages appear, each under a random name; `*.` and this must lead to the gateway.

    Empty: `rc.` and the host of `public_url`. A host that shares nothing with the console's keeps cookies apart best.
    """
    sales_email: str = ""
    support_email: str = ""
    security_contact: Annotated[str, Field(pattern=r"^((mailto:|https://|tel:)[\x21-\x7e]+)?$")] = ""
    """Where weaknesses are reported, as `/.well-known/security.txt` tells; empty: the support e-mail."""
    telephone: str = ""
    manuals_url: str = ""
    ticket_url: str = ""
    smart_home_url: str = ""
    payment_notice: str = ""

    @model_validator(mode="after")
    def _knows_its_secret(self) -> Self:
        if (self.secret is None) == (self.secret_file is None):
            raise ValueError("set either SMARTPLUS_SECRET_FILE or SMARTPLUS_SECRET (32 random bytes in base64 or hex)")
        self.secrets()
        if self.keys_dir is not None and not self.keys_dir.is_dir():
            raise ValueError("SMARTPLUS_KEYS_DIR is not a folder")
        return self

    @field_validator("log_max_bytes")
    @classmethod
    def _is_sizes(cls, text: str) -> str:
        _sizes(text)
        return text

    def secrets(self) -> Secrets:
        """What is derived from the secret. Raises `ValueError` when there is none, without showing it."""
        text = self.secret or ""
        if self.secret_file is not None:
            try:
                text = self.secret_file.read_text("ascii")
            except (OSError, UnicodeDecodeError) as error:
                raise ValueError(f"SMARTPLUS_SECRET_FILE cannot be read: {type(error).__name__}") from None
        return Secrets.parse(text)

    def wrappings(self) -> Wrappings:
        """The keys under which data keys are wrapped: those of the folder, or what is derived from the secret."""
        return WrappingKeys(self.keys_dir, self.secrets()) if self.keys_dir else self.secrets()

    def room_of(self, service: str) -> int:
        """What the log of that service may hold, in bytes."""
        return room_of(self.log_max_bytes, service)

    @property
    def vault_uri(self) -> str:
        """Where the data keys are, as whoever may read them."""
        return self.mongodb_vault_uri or self.mongodb_uri

    @property
    def erased_within(self) -> timedelta:
        return timedelta(hours=self.erased_within_hours)

    def database(self, name: str) -> str:
        """The name of a MongoDB database, with this world's prefix."""
        return self.database_prefix + name


def size(text: str) -> int:
    """Bytes of a size as people write it: `4GiB`, `500MB`. Raises `ValueError`."""
    try:
        return int(_SIZE.validate_python(text.strip()))
    except ValidationError:
        raise ValueError(f"{text!r} is no size, such as 4GiB") from None


def room_of(sizes: str, service: str) -> int:
    """What the log of that service may hold, of `Settings.log_max_bytes`. Raises `ValueError`."""
    by_name = _sizes(sizes)
    return by_name.get(service, by_name[""])


def _sizes(text: str) -> dict[str, int]:
    """Sizes by name, the general one under the empty name. Raises `ValueError`."""
    sizes = {"": size(DEFAULT_LOG_MAX_BYTES)}
    for each in text.split(","):
        name, _, of_it = each.rpartition("=")
        if name and not name.strip().isalpha():
            raise ValueError(f"{name!r} is no service; write 1GiB,devices=20GiB")
        sizes[name.strip()] = size(of_it)
    if too_small := [each for each in sizes.values() if each < _LOG_LEAST_BYTES]:
        raise ValueError(f"a log of {too_small[0]} bytes is too small; 1MiB is the least")
    return sizes


def read_settings() -> Settings:
    """The settings from the environment, and from the files of `SMARTPLUS_SECRETS_DIR`, each called like its variable.

    Exits with one line on the standard error when they do not suffice.
    """
    try:
        return Settings(_secrets_dir=os.environ.get("SMARTPLUS_SECRETS_DIR"))
    except ValidationError as error:
        raise SystemExit("smartplus: " + "; ".join(_sentences(error))) from None


def _sentences(error: ValidationError) -> list[str]:
    sentences = []
    for fault in error.errors(include_url=False, include_input=False):
        where = str(fault["loc"][0]) if fault["loc"] else ""
        name = where if where.isupper() else f"SMARTPLUS_{where.upper()}"
        if fault["type"] == "missing":
            sentences.append(f"{name} is not set")
        elif where:
            sentences.append(f"{name}: {fault['msg']}")
        else:
            sentences.append(fault["msg"].removeprefix("Value error, "))
    return sentences
