"""Every contract module by service, and what they say together.

A service's contracts stand in the package of its name, a module to a topic. Whoever needs all of them
asks here, and a module that is added there is found.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any, TypeVar

from pydantic import BaseModel

import contracts
from contracts.message import Command, Query, View
from contracts.reasons import Reason
from contracts.versions import Upcast

M = TypeVar("M", bound=BaseModel)

_SERVICES = sorted(each.name for each in iter_modules(contracts.__path__) if each.ispkg)

# Services and topics in the order of their names: documents list what is declared in it.
MODULES: Mapping[str, tuple[ModuleType, ...]] = {
    service: tuple(
        import_module(f"contracts.{service}.{topic.name}")
        for topic in iter_modules(import_module(f"contracts.{service}").__path__)
    )
    for service in _SERVICES
}


def declared(service: str, kind: type[M]) -> tuple[type[M], ...]:
    """The contracts of that kind in a service's modules, in the order in which they stand there."""
    return tuple(
        each
        for module in MODULES[service]
        for each in vars(module).values()
        if isinstance(each, type)
        and issubclass(each, kind)
        and each.__module__ == module.__name__
        # Pydantic leaves `Command[CredentialAnswer]` in the module that names it.
        and each.__pydantic_generic_metadata__["origin"] is None
    )


def views_of(service: str) -> dict[type[Query], type[View]]:
    """What answers each query of a service."""
    return _gathered(service, "QUERIES")


def upcasts_of(service: str) -> dict[str, Upcast]:
    """The way from each old version of a service's events to the next, by the old type's name."""
    return _gathered(service, "UPCASTS")


def who_of(service: str) -> dict[type[Command | Query], str]:
    """Who may ask each command and query of a service: the rows that `contracts.permissions` reads."""
    return _gathered(service, "WHO")


def refusals_of(service: str) -> dict[str, Reason]:
    """The reasons of a service to say no, by their codes."""
    return _gathered(service, "REFUSALS")


def _gathered(service: str, table: str) -> dict[Any, Any]:
    return {key: value for module in MODULES[service] for key, value in getattr(module, table, {}).items()}
