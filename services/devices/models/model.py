"""A model and the table of all models: what each can from which firmware on. Data, not code (R-15, R-25)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from contracts.devices.intercoms import DeviceKind
from contracts.devices.relays import RELAYS_MAX, MethodGate
from services.devices.models.firmware import Band, Firmware, any_takes


class Gate(StrEnum):
    """Whether a device can something. Of one that never said what it is, nobody knows yet."""

    OPEN = "open"
    CLOSED = "closed"
    NOT_YET_KNOWN = "not-yet-known"


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


@dataclass(frozen=True)
class Models:
    """All models that are known to a process, by their names in capitals. It never changes."""

    by_name: Mapping[str, Model]

    def model_of(self, name: str | None) -> Model | None:
        """The model that a device says it is (R-35: however it is written); `None` when it is not known here."""
        return self.by_name.get(name.upper()) if name else None

    def max_relays(self, name: str | None) -> int:
        """How many relays a device of that model has at most."""
        model = self.model_of(name)
        return model.max_relays if model else RELAYS_MAX

    def pin_digits(self, name: str | None) -> tuple[int, int]:
        """How many digits a PIN has at least and at most on a device of that model."""
        model = self.model_of(name)
        return model.pin_digits if model else PIN_DIGITS

    def methods_gate(self, name: str | None, firmware: str | None) -> Gate:
        """Whether the access methods that the device itself must understand can be chosen for it (R-25)."""
        if name is None or firmware is None:
            return Gate.NOT_YET_KNOWN
        model = self.model_of(name)
        return Gate.OPEN if model and _takes(model, model.methods_from, firmware) else Gate.CLOSED

    def shows_weather(self, name: str | None, firmware: str | None) -> bool:
        """Whether the device shows the weather at its home (U-15)."""
        model = self.model_of(name)
        return bool(model and firmware and _takes(model, model.weather_from, firmware))

    def gate_shown(self, name: str | None, firmware: str | None) -> MethodGate:
        """The gate with its reason: what it needs is told of the device's own model, where there is such a firmware."""
        model = self.model_of(name)
        candidates = [model] if model and model.methods_from else self.by_name.values()
        return MethodGate(state=self.methods_gate(name, firmware), needs=tuple(_needs(candidates)))


def _takes(model: Model, bands: Iterable[Band], firmware: str) -> bool:
    parsed = Firmware.parse(firmware)
    of_this_product = parsed is not None and model.product_code in (None, parsed.product)
    return parsed is not None and of_this_product and any_takes(bands, parsed)


def _needs(candidates: Iterable[Model]) -> Iterable[str]:
    for model in candidates:
        for band in model.methods_from:
            if not band.is_exception:
                yield f"{model.name.upper()} {band.text}"
