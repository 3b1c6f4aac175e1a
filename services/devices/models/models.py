"""The models that are known here, and what each can from which firmware on: data, not code (R-15, R-25).

The table stands in `models.toml`; an operator's own file adds to it before the service starts, never later.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from contracts.devices.intercoms import DeviceKind
from contracts.devices.models import ListModels, ModelList, ModelRow
from contracts.devices.relays import RELAYS_MAX, MethodGate
from kernel.service.declaration import Tools
from services.devices.models.firmware import Band, Firmware, any_takes

_BUILT_IN = Path(__file__).with_name("models.toml")


class Gate(StrEnum):
    """Whether a device can something. Of one that never said what it is, nobody knows yet."""

    OPEN = "open"
    CLOSED = "closed"
    NOT_YET_KNOWN = "not-yet-known"


class ModelsUnreadable(Exception):
    """A table of models that says something else than it may."""


Bands = Annotated[tuple[Band, ...], BeforeValidator(lambda texts: tuple(map(Band.parse, texts)))]

PIN_DIGITS = (2, 8)


def _in_order(digits: tuple[int, int]) -> tuple[int, int]:
    if not PIN_DIGITS[0] <= digits[0] <= digits[1] <= PIN_DIGITS[1]:
        raise ValueError(f"must be two numbers from {PIN_DIGITS[0]} to {PIN_DIGITS[1]}, the smaller first")
    return digits


PinDigits = Annotated[tuple[int, int], AfterValidator(_in_order)]


class Model(BaseModel):
    """One model."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$")]
    product_code: Annotated[int, Field(ge=1, le=99_999)] | None = None
    kind: DeviceKind
    max_relays: Annotated[int, Field(ge=1, le=RELAYS_MAX)] = RELAYS_MAX
    pin_digits: PinDigits = PIN_DIGITS
    methods_from: Bands = ()
    weather_from: Bands = ()


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    model: tuple[Model, ...] = ()


def read(file: Path) -> dict[str, Model]:
    """The models of a file, by their names in capitals. Raises `ModelsUnreadable`, with a sentence."""
    try:
        table = _Table.model_validate(tomllib.loads(file.read_text("utf-8")))
    except OSError as error:
        raise ModelsUnreadable(f"{file} cannot be read: {type(error).__name__}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelsUnreadable(f"{file} is not TOML: {error}") from None
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        raise ModelsUnreadable(f"{file}, {'.'.join(map(str, fault['loc']))}: {fault['msg']}") from None
    return {model.name.upper(): model for model in table.model}


_known = read(_BUILT_IN)


def extend(file: Path) -> None:
    """Take an operator's models as well; one of a name that is here already replaces it. Raises `ModelsUnreadable`."""
    _known.update(read(file))


def table() -> Mapping[str, Model]:
    """All models, by their names in capitals."""
    return _known


def model_of(name: str | None) -> Model | None:
    """The model that a device says it is (R-35: however it is written); `None` when it is not known here."""
    return _known.get(name.upper()) if name else None


def max_relays(name: str | None) -> int:
    """How many relays a device of that model has at most."""
    model = model_of(name)
    return model.max_relays if model else RELAYS_MAX


def pin_digits(name: str | None) -> tuple[int, int]:
    """How many digits a PIN has at least and at most on a device of that model."""
    model = model_of(name)
    return model.pin_digits if model else PIN_DIGITS


def methods_gate(name: str | None, firmware: str | None) -> Gate:
    """Whether the access methods that the device itself must understand can be chosen for it (R-25)."""
    if name is None or firmware is None:
        return Gate.NOT_YET_KNOWN
    model = model_of(name)
    return Gate.OPEN if model and _takes(model, model.methods_from, firmware) else Gate.CLOSED


def shows_weather(name: str | None, firmware: str | None) -> bool:
    """Whether the device shows the weather at its home (U-15)."""
    model = model_of(name)
    return bool(model and firmware and _takes(model, model.weather_from, firmware))


def gate_shown(name: str | None, firmware: str | None) -> MethodGate:
    """The gate with its reason: what it needs is told of the device's own model, where there is such a firmware."""
    model = model_of(name)
    candidates = [model] if model and model.methods_from else _known.values()
    return MethodGate(state=methods_gate(name, firmware), needs=tuple(_needs(candidates)))


async def list_models(query: ListModels, tools: Tools) -> ModelList:
    rows = tuple(
        ModelRow(
            model=model.name.upper(),
            product_code=model.product_code,
            kind=model.kind,
            max_relays=model.max_relays,
            pin_digits=model.pin_digits,
            methods_from=_told(model.methods_from),
            weather_from=_told(model.weather_from),
        )
        for _, model in sorted(_known.items())
    )
    return ModelList(rows=rows)


def _takes(model: Model, bands: Iterable[Band], firmware: str) -> bool:
    parsed = Firmware.parse(firmware)
    of_this_product = parsed is not None and model.product_code in (None, parsed.product)
    return parsed is not None and of_this_product and any_takes(bands, parsed)


def _needs(candidates: Iterable[Model]) -> Iterable[str]:
    for model in candidates:
        for band in model.methods_from:
            if not band.is_exception:
                yield f"{model.name.upper()} {band.text}"


def _told(bands: Iterable[Band]) -> str | None:
    return ", ".join(f"!{band.text}" if band.is_exception else band.text for band in bands) or None
