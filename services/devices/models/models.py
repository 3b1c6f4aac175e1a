"""The list of models: read once, at the start, and shown.

It stands in `models.toml`; an operator's own file adds to it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from contracts.devices.models import ListModels, ModelList, ModelRow
from kernel.service.declaration import BadTable, Tools
from services.devices.models.firmware import Band
from services.devices.models.model import Model, Models

_BUILT_IN = Path(__file__).with_name("models.toml")


class ModelsUnreadable(BadTable):
    """A table of models that says something else than it may."""


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


def known_models(further: Path | None = None) -> Models:
    """The models of the house and those of an operator's file, which replace what is called the same.

    Raises `ModelsUnreadable`.
    """
    try:
        return Models({**read(_BUILT_IN), **(read(further) if further else {})})
    except ModelsUnreadable as error:
        raise ModelsUnreadable(f"SMARTPLUS_MODELS_FILE: {error}") from None


async def list_models(query: ListModels, tools: Tools) -> ModelList:
    known: Models = tools.tables
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
        for _, model in sorted(known.by_name.items())
    )
    return ModelList(rows=rows)


def _told(bands: Iterable[Band]) -> str | None:
    return ", ".join(f"!{band.text}" if band.is_exception else band.text for band in bands) or None
