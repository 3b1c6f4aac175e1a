"""The rooms of a service: what stands directly in it, and how much a feature folder may hold."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = sorted(main.parent for main in (ROOT / "services").glob("*/__main__.py"))
FEATURES = sorted(each.parent for service in SERVICES for each in service.glob("*/__init__.py"))
MODULES = sorted(each for service in SERVICES for each in service.rglob("*.py"))
COMPILED = "__pycache__"

# What runs a service, and what is told of all of its features at once.
DIRECTLY = {"__init__.py", "__main__.py", "README.md", "audit.py", "live.py", "settings.py", "tallies.py"}
MORE_DIRECTLY = {"gateway": {"app.py", "reference.py"}}
MOST_FILES = 10
MOST_LINES = 300
# Run as a process of its own, which imports nothing of this project.
LONGER = {"services/gateway/library/spreadsheets.py"}
NAMES_A_KIND = re.compile(r'\bRef\("(\w+)"')
# Shapes that pydantic makes while the gateway starts have none for mypy.
FOR_TYPES_ALONE = {"services/gateway/asking/bodies.py"}
DECIDES = re.compile(r"= Aggregate\(|-> Outcome:")


def folders_of(folder: Path) -> set[Path]:
    """Those with something in them: what Python compiled stays behind where a folder was."""
    return {each for each in folder.iterdir() if each.is_dir() and {it.name for it in each.iterdir()} - {COMPILED}}


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def dotted(module: Path) -> str:
    return named(module).removesuffix(".py").replace("/", ".")


@pytest.mark.parametrize("service", SERVICES, ids=named)
def test_only_what_is_of_all_features_stands_directly_in_a_service(service: Path) -> None:
    files = {each.name for each in service.iterdir() if each.is_file()}
    assert files - DIRECTLY - MORE_DIRECTLY.get(service.name, set()) == set()


@pytest.mark.parametrize("service", SERVICES, ids=named)
def test_every_folder_of_a_service_is_a_feature(service: Path) -> None:
    assert folders_of(service) - {service / COMPILED} == {each for each in FEATURES if each.parent == service}


@pytest.mark.parametrize("feature", FEATURES, ids=named)
def test_a_feature_holds_few_files(feature: Path) -> None:
    files = [each.name for each in feature.iterdir() if each.is_file()]
    assert len(files) <= MOST_FILES, sorted(files)


@pytest.mark.parametrize("feature", FEATURES, ids=named)
def test_a_feature_says_in_one_sentence_what_it_is_and_passes_nothing_on(feature: Path) -> None:
    tree = ast.parse((feature / "__init__.py").read_text())
    sentence = ast.get_docstring(tree) or ""
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert len(tree.body) == 1


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_a_file_can_be_read_at_once(module: Path) -> None:
    assert len(module.read_text().splitlines()) <= MOST_LINES or named(module) in LONGER


def test_whatever_decides_is_held_to_be_pure() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    pure = {
        module for each in settings if each["name"].startswith("aggregates: pure") for module in each["source_modules"]
    }
    deciding = {dotted(module) for module in MODULES if DECIDES.search(module.read_text())}
    assert deciding - pure == set()


@pytest.mark.parametrize("service", SERVICES, ids=named)
def test_a_kind_of_aggregate_is_named_in_one_file(service: Path) -> None:
    named_in: dict[str, list[str]] = {}
    for module in sorted(service.rglob("*.py")):
        for kind in set(NAMES_A_KIND.findall(module.read_text())):
            named_in.setdefault(kind, []).append(named(module))
    assert [files for files in named_in.values() if len(files) > 1] == []


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_nothing_is_imported_for_its_type_alone(module: Path) -> None:
    assert "import TYPE_CHECKING" not in module.read_text() or named(module) in FOR_TYPES_ALONE


def test_tests_stand_in_the_rooms_of_what_they_test() -> None:
    for service in SERVICES:
        tests = ROOT / "tests" / service.name
        rooms = {each.name for each in folders_of(tests)} - {COMPILED}
        assert rooms <= {each.name for each in FEATURES if each.parent == service}
