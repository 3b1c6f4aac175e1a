"""Each program starts with what its pod is told: its settings are read here as it would read them there."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from kernel.connecting.address import NatsAddress
from kernel.process.health import Health, Surface
from kernel.process.settings import ProcessSettings, Settings, read_settings
from ops.mongo_users import MongoUsers
from ops.nats_rights import PARTS
from ops.settings import OperatorSettings
from services.devices.settings import DevicesSettings
from services.gateway.http.proxies import trusted_proxies
from services.gateway.settings import GatewaySettings
from tests.deploy.manifests import (
    BASE,
    LOCAL,
    RENDERED,
    Manifest,
    Workload,
    compose,
    named,
    of_kind,
    references,
    rendered,
    workload,
    workloads,
)
from tests.deploy.policies import KEEPERS, MADE_BY_SECRETS_SH, SERVES
from tests.deploy.region import Secrets, lay_out, make_secrets, told

READ_SETTINGS = (*SERVES, "eraser")
READS: dict[str, type[ProcessSettings]] = {
    "accounts": Settings,
    "devices": DevicesSettings,
    "gateway": GatewaySettings,
    "eraser": OperatorSettings,
}
HOLDS_KEYS = (*KEEPERS, "eraser")
MOST_OF_EVERY_PROCESS = 15
# Operators have written them down, and what is called otherwise is ignored in silence.
VARIABLES = """
NATS_URL NATS_MONITOR_URL NATS_AUTH_URL NATS_SYSTEM_URL SMARTPLUS_NATS_ISSUER_SEED SMARTPLUS_MQTT_URL
MONGODB_URI MONGODB_VAULT_URI SMARTPLUS_ERASER_MONGODB_URI SMARTPLUS_DATABASE_PREFIX
SMARTPLUS_SECRET SMARTPLUS_SECRET_FILE SMARTPLUS_KEYS_DIR SMARTPLUS_ERASED_WITHIN_HOURS
SMARTPLUS_HOST SMARTPLUS_PORT SMARTPLUS_OPERATIONS_PORT SMARTPLUS_TRUSTED_PROXIES SMARTPLUS_STOP_TIMEOUT_S
SMARTPLUS_REGION SMARTPLUS_REPLICAS SMARTPLUS_LOG_MAX_BYTES SMARTPLUS_LOG_LEVEL SMARTPLUS_LOG_FORMAT
OTEL_EXPORTER_OTLP_ENDPOINT SMARTPLUS_TENANT_EVENTS_PER_DAY SMARTPLUS_DEVICE_EVENTS_PER_DAY
SMARTPLUS_MODELS_FILE SMARTPLUS_MAC_PREFIXES SMARTPLUS_UNBOUND_MACS_PER_INSTALLER
SMARTPLUS_WEATHER_URL SMARTPLUS_WEATHER_SEARCH_URL SMARTPLUS_WEATHER_KEY
SMARTPLUS_PUBLIC_URL SMARTPLUS_REMOTE_CONTROL_HOST SMARTPLUS_SALES_EMAIL SMARTPLUS_SUPPORT_EMAIL
SMARTPLUS_SECURITY_CONTACT SMARTPLUS_TELEPHONE SMARTPLUS_MANUALS_URL SMARTPLUS_TICKET_URL
SMARTPLUS_SMART_HOME_URL SMARTPLUS_PAYMENT_NOTICE
"""
_OF_SETTINGS = ("SMARTPLUS_", "NATS_", "MONGODB_", "OTEL_")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("region") / "kept"


@pytest.fixture(scope="module")
def secrets(kept: Path) -> Secrets:
    return make_secrets(kept)


@pytest.fixture
def pod(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, secrets: Secrets) -> Any:
    """Become that pod: its files below a folder, its variables in the environment and nothing else."""

    def become(of: Workload, objects: list[Manifest]) -> None:
        lay_out(of, secrets, tmp_path)
        for name in [name for name in os.environ if name.startswith(_OF_SETTINGS)]:
            monkeypatch.delenv(name)
        for name, value in told(of, objects).items():
            if name != "PATH":
                monkeypatch.setenv(name, f"{tmp_path}{value}" if value.startswith("/") else value)

    return become


@pytest.mark.parametrize("folder", RENDERED)
@pytest.mark.parametrize("name", READ_SETTINGS)
def test_nothing_that_a_program_requires_is_missing(name: str, folder: str, pod: Any) -> None:
    objects = rendered(folder)
    of = workload(objects, name)
    pod(of, objects)

    settings = read_settings(READS[name])

    if isinstance(settings, GatewaySettings):
        trusted_proxies(settings)
    else:
        assert isinstance(settings, Settings)
        assert settings.replicas == 3
    assert (getattr(settings, "keys_dir", None) is not None) == (name in HOLDS_KEYS)
    assert settings.host == "0.0.0.0"
    own = {port["name"]: port["containerPort"] for port in of.container.get("ports", [])}
    listened = {keeper: {"health": settings.port} for keeper in KEEPERS}
    listened["gateway"] = {"http": settings.port, "health": getattr(settings, "operations_port", None)}
    assert own == listened.get(name, {})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SMARTPLUS_SECRETS_DIR", None),
        ("SMARTPLUS_SECRET_FILE", None),
        ("SMARTPLUS_KEYS_DIR", "/key"),
        ("SMARTPLUS_REPLICAS", "three"),
    ],
)
def test_a_variable_that_is_missing_or_wrong_is_noticed(
    name: str, value: str | None, pod: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = rendered(BASE)
    pod(workload(objects, "accounts"), objects)
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match="smartplus: "):
        read_settings()


def variables_of(settings: type[ProcessSettings]) -> set[str]:
    """The names in the environment that it reads."""
    return {
        str(field.validation_alias) if field.validation_alias else f"SMARTPLUS_{name.upper()}"
        for name, field in settings.model_fields.items()
    }


def test_no_variable_is_called_otherwise_than_before() -> None:
    names = VARIABLES.split()
    assert set().union(*map(variables_of, READS.values())) == set(names)
    assert len(variables_of(ProcessSettings)) <= MOST_OF_EVERY_PROCESS


def test_every_variable_is_one_that_a_program_reads() -> None:
    """A name with a letter too much would be ignored in silence."""
    known = {"SMARTPLUS_SECRETS_DIR"}.union(*map(variables_of, READS.values()))
    for folder in RENDERED:
        objects = rendered(folder)
        for each in workloads(objects):
            variables = told(each, objects)
            assert {name for name in variables if name.startswith(_OF_SETTINGS)} <= known
            in_arguments = re.findall(r"\$\((\w+)\)", " ".join(each.container.get("args", [])))
            assert {*in_arguments} <= variables.keys()


@pytest.mark.parametrize("folder", RENDERED)
def test_the_commands_are_those_of_compose(folder: str) -> None:
    objects, services = rendered(folder), compose()["services"]
    for name in READ_SETTINGS:
        assert workload(objects, name).container["args"] == services[name]["command"]
    variables = services["accounts"]["environment"].keys() - {"SMARTPLUS_KEYS_DIR"}
    optional = {"SMARTPLUS_TRUSTED_PROXIES", "SMARTPLUS_MQTT_URL", "SMARTPLUS_PUBLIC_URL"}
    assert variables - optional <= told(workload(objects, "gateway"), objects).keys()

    made = workload(objects, "make-mongo-users").container["args"]
    *_, now = command = services["users"]["command"]
    assert made[:4] == command[:4]
    assert made[-1] == now == "--now"
    script = services["secret"]["command"][0]
    assert f"smartplus {' '.join(workload(objects, 'make-wrapping-key').container['args'])}\n" in script
    assert {each.name for each in workloads(objects)} == {
        *READ_SETTINGS,
        "nats",
        "make-mongo-users",
        "make-wrapping-key",
    }


def test_the_secrets_that_are_needed_are_those_that_are_made(secrets: Secrets) -> None:
    needed = {name for _, kind, name in references(rendered(LOCAL)) if kind == "Secret"}
    assert secrets.keys() == needed == MADE_BY_SECRETS_SH
    (user,) = named(rendered(LOCAL), "MongoDBCommunity", "mongo")["spec"]["users"]
    assert secrets["mongo-operator"].keys() == {user["passwordSecretRef"]["key"]}


def test_secrets_are_made_once(kept: Path, secrets: Secrets) -> None:
    assert make_secrets(kept) == secrets


def test_the_job_finds_the_passwords_and_writes_nothing(secrets: Secrets, kept: Path, tmp_path: Path) -> None:
    """A secret that is mounted cannot be written."""
    lay_out(workload(rendered(BASE), "make-mongo-users"), secrets, tmp_path)
    folder = tmp_path / "secrets"
    before = sorted(folder.rglob("*"))
    assert MongoUsers.kept_in(folder) == MongoUsers.kept_in(kept)
    assert sorted(folder.rglob("*")) == before


def test_each_is_told_its_own_passwords_alone(secrets: Secrets) -> None:
    for name in PARTS:
        assert NatsAddress.parse(secrets[name]["NATS_URL"]).user == name
    passwords = {name: NatsAddress.parse(secrets[name]["NATS_URL"]).password for name in PARTS}
    for name, password in passwords.items():
        holders = {each for each, files in secrets.items() for text in files.values() if str(password) in text}
        assert holders == {name, "operator", "nats"}
    assert not {"SMARTPLUS_NATS_ISSUER_SEED", "MONGODB_VAULT_URI"} & secrets["gateway"].keys()


@pytest.mark.parametrize("folder", RENDERED)
def test_the_addresses_lead_to_what_is_there(folder: str, secrets: Secrets) -> None:
    objects = rendered(folder)
    nats = workload(objects, "nats")
    nodes = nats.manifest["spec"]["serviceName"]
    servers = tuple(f"nats://nats-{index}.{nodes}:4222" for index in range(nats.replicas))
    for name in (*PARTS, "operator"):
        assert NatsAddress.parse(secrets[name]["NATS_URL"]).servers == servers
    region = told(workload(objects, "accounts"), objects)
    monitor = urlsplit(region["NATS_MONITOR_URL"])
    assert (monitor.hostname, monitor.port) in {
        (each["metadata"]["name"], port["port"])
        for each in of_kind(objects, "Service")
        for port in each["spec"]["ports"]
    }
    of_mongo = urlsplit(secrets["operator"]["MONGODB_URI"])
    assert of_mongo.netloc.rpartition("@")[2] == region["MONGO_HOST"]
    assert of_mongo.query == f"replicaSet={region['MONGO_REPLICA_SET']}"
    for mongo in of_kind(objects, "MongoDBCommunity"):
        name = mongo["metadata"]["name"]
        assert (region["MONGO_HOST"], region["MONGO_REPLICA_SET"]) == (f"{name}-svc:27017", name)


async def test_the_probes_ask_what_a_service_answers() -> None:
    for each in workloads(rendered(BASE)):
        for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
            if each.is_ours and (probe := each.container.get(kind)):
                assert await _status(probe["httpGet"]["path"]) in (200, 503)
    assert await _status("/health/started") == 404


async def _status(path: str) -> int:
    said: list[Any] = []

    async def send(message: Any) -> None:
        said.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    await Surface(Health("any", "local"))({"type": "http", "method": "GET", "path": path}, receive, send)
    return int(said[0]["status"])
