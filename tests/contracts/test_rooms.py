"""The contracts stand in rooms: a package to a service, a module to a topic, none of them long."""

import ast
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest

from contracts.message import Command, Query
from contracts.modules import MODULES, declared, refusals_of, upcasts_of, views_of, who_of
from contracts.reasons import VALUES
from contracts.refusals import REFUSALS

ROOT = Path(__file__).parents[2] / "contracts"
FILES = sorted(ROOT.rglob("*.py"))
LINES_MAX = 300
# More fields that two commands ask alike are a form of their own.
ALIKE_MAX = 5


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{each.name}" for each in node.names)
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_contract_module_is_long(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LINES_MAX


@pytest.mark.parametrize("service", MODULES)
def test_no_contract_of_a_service_imports_another_service_s(service: str) -> None:
    others = tuple(f"contracts.{each}." for each in MODULES if each != service)
    for path in (ROOT / service).rglob("*.py"):
        assert not [name for name in imported(path) if f"{name}.".startswith(others)], path


def test_every_module_of_every_package_is_gathered() -> None:
    found = {path.relative_to(ROOT).with_suffix("").as_posix() for path in FILES if path.parent != ROOT}
    gathered = {each.__name__.removeprefix("contracts.").replace(".", "/") for each in sum(MODULES.values(), ())}
    assert gathered == {each for each in found if not each.endswith("/__init__")}


@pytest.mark.parametrize("path", sorted(ROOT.glob("*/__init__.py")), ids=lambda path: path.parent.name)
def test_a_package_is_no_second_door_to_what_is_in_it(path: Path) -> None:
    assert [type(each) for each in ast.parse(path.read_text()).body] == [ast.Expr]


@pytest.mark.parametrize("table", ["WHO", "QUERIES"])
@pytest.mark.parametrize("service", MODULES)
def test_a_module_speaks_of_its_own_messages(service: str, table: str) -> None:
    kinds = {"WHO": (Command, Query), "QUERIES": (Query,)}[table]
    for module in MODULES[service]:
        own = {each for kind in kinds for each in declared(service, kind) if each.__module__ == module.__name__}
        assert set(getattr(module, table, {})) == own, module.__name__


@pytest.mark.parametrize("service", MODULES)
def test_what_is_gathered_is_all_there_is(service: str) -> None:
    assert set(views_of(service)) == set(declared(service, Query))
    assert set(who_of(service)) == {*declared(service, Command), *declared(service, Query)}
    assert all(name.startswith(f"{service}.") for name in upcasts_of(service))


def written_fields(path: Path) -> Iterator[tuple[str, set[str]]]:
    """The fields that each command of a module writes itself, with their types and defaults."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef) and any(
            ast.unparse(base).partition("[")[0] == "Command" for base in node.bases
        ):
            yield node.name, {ast.unparse(each) for each in node.body if isinstance(each, ast.AnnAssign)}


@pytest.mark.parametrize("service", MODULES)
def test_a_form_is_written_once(service: str) -> None:
    written = [each for path in sorted((ROOT / service).glob("*.py")) for each in written_fields(path)]
    assert len(written) == len(declared(service, Command))
    for (one, fields), (other, others) in combinations(written, 2):
        assert len(fields & others) <= ALIKE_MAX, f"{one} and {other}: {sorted(fields & others)}"


def test_a_code_has_one_meaning() -> None:
    times = Counter(
        code for service in MODULES for module in MODULES[service] for code in vars(module).get("REFUSALS", {})
    )
    assert [code for code in times if times[code] > 1 or code in VALUES] == []
    assert set(times) | set(VALUES) <= set(REFUSALS)
    assert {code for service in MODULES for code in refusals_of(service)} == set(times)
