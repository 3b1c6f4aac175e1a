"""What a process is told from outside, read once. A missing or wrong value stops the start with one clear line."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar, overload

from pydantic import ByteSize, Field, TypeAdapter, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from kernel.keeping.secrets import Secrets
from kernel.keeping.wrapping import WrappingKeys, Wrappings

DEFAULT_LOG_MAX_BYTES = "1GiB"
_LOG_LEAST_BYTES = 2**20
_SIZE = TypeAdapter(ByteSize)
P = TypeVar("P", bound="ProcessSettings")


class ProcessSettings(BaseSettings):
    """What every process of a region reads from its environment. A service adds what is its own.

    Names in the environment are `SMARTPLUS_` and the field in capitals, or what the field's alias says.
    """

    model_config = SettingsConfigDict(
        frozen=True, env_prefix="SMARTPLUS_", populate_by_name=True, extra="ignore", env_ignore_empty=True
    )

    nats_url: Annotated[str, Field(validation_alias="NATS_URL", repr=False)]
    """One URL, or several of one cluster, separated by commas; with the user and password of the account APP."""
    secret: Annotated[str | None, Field(repr=False)] = None
    """32 bytes in base64 or hexadecimal, from which every other secret is derived."""
    secret_file: Path | None = None
    """A file with the same; further lines are wrapping roots (`kernel.keeping.secrets.Secrets`)."""
    erased_within_hours: Annotated[int, Field(ge=3, le=24 * 30)] = 24
    """Within which time after Reset or Delete nothing is left in what stores copy; people are told so."""
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Where health and metrics answer, at the gateway the product itself; 0 takes a free one."""
    host: str = "127.0.0.1"
    region: str = "local"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "pretty"] = "json"
    otlp_endpoint: Annotated[str | None, Field(validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT")] = None
    stop_timeout_s: Annotated[float, Field(gt=0, le=120)] = 15.0
    """How long a stopping service lets work in hand finish."""

    @model_validator(mode="after")
    def _knows_its_secret(self) -> Self:
        if (self.secret is None) == (self.secret_file is None):
            raise ValueError("set either SMARTPLUS_SECRET_FILE or SMARTPLUS_SECRET (32 random bytes in base64 or hex)")
        self.secrets()
        return self

    def secrets(self) -> Secrets:
        """What is derived from the secret. Raises `ValueError` when there is none, without showing it."""
        text = self.secret or ""
        if self.secret_file is not None:
            try:
                text = self.secret_file.read_text("ascii")
            except (OSError, UnicodeDecodeError) as error:
                raise ValueError(f"SMARTPLUS_SECRET_FILE cannot be read: {type(error).__name__}") from None
        return Secrets.parse(text)

    @property
    def erased_within(self) -> timedelta:
        return timedelta(hours=self.erased_within_hours)


class Settings(ProcessSettings):
    """What a process reads that keeps a log and read models, or looks after them."""

    nats_monitor_url: Annotated[str | None, Field(validation_alias="NATS_MONITOR_URL")] = None
    mongodb_uri: Annotated[str, Field(validation_alias="MONGODB_URI", repr=False)]
    mongodb_vault_uri: Annotated[str | None, Field(validation_alias="MONGODB_VAULT_URI", repr=False)] = None
    """The same servers as the user who may read the data keys; without it, as whoever `mongodb_uri` names."""
    keys_dir: Path | None = None
    """The folder with the keys that wrap data keys (`kernel.keeping.wrapping`); without it the secret wraps them."""
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

    @model_validator(mode="after")
    def _knows_its_keys(self) -> Self:
        if self.keys_dir is not None and not self.keys_dir.is_dir():
            raise ValueError("SMARTPLUS_KEYS_DIR is not a folder")
        return self

    @field_validator("log_max_bytes")
    @classmethod
    def _is_sizes(cls, text: str) -> str:
        _sizes(text)
        return text

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


@overload
def read_settings() -> Settings: ...
@overload
def read_settings(kind: type[P]) -> P: ...
def read_settings(kind: type[ProcessSettings] = Settings) -> ProcessSettings:
    """The settings from the environment, and from the files of `SMARTPLUS_SECRETS_DIR`, each called like its variable.

    Exits with one line on the standard error when they do not suffice.
    """
    try:
        return kind(_secrets_dir=os.environ.get("SMARTPLUS_SECRETS_DIR"))
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
