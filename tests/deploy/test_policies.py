"""Every manifest keeps every policy, and each policy notices the manifest that does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.deploy import policies
from tests.deploy.manifests import BASE, NAME, RENDERED, Manifest, named, rendered

POLICIES = (
    policies.contained,
    policies.runs_as_the_image_does,
    policies.secrets_are_shut,
    policies.images_are_named,
    policies.probed,
    policies.bounded,
    policies.room_is_kept,
    policies.selectors_match,
    policies.references_exist,
    policies.ports_are_named,
    policies.disruption_is_bounded,
    policies.spread_out,
    policies.stops_in_time,
)

Policy = Callable[[list[Manifest]], Any]
_KINDS = {"nats": "StatefulSet", "make-mongo-users": "Job", "make-wrapping-key": "Job"}


@pytest.mark.parametrize("folder", RENDERED)
@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.__name__)
def test_kept(policy: Policy, folder: str) -> None:
    assert list(policy(rendered(folder))) == []


def _pod(objects: list[Manifest], name: str) -> Any:
    return named(objects, _KINDS.get(name, "Deployment"), name)["spec"]["template"]["spec"]


def _container(objects: list[Manifest], name: str) -> Any:
    return _pod(objects, name)["containers"][0]


def _context(name: str, **changes: Any) -> Callable[[list[Manifest]], None]:
    return lambda objects: _container(objects, name)["securityContext"].update(changes)


def _pod_context(name: str, **changes: Any) -> Callable[[list[Manifest]], None]:
    return lambda objects: _pod(objects, name)["securityContext"].update(changes)


def _in_container(name: str, **changes: Any) -> Callable[[list[Manifest]], None]:
    return lambda objects: _container(objects, name).update(changes)


def _in_pod(name: str, **changes: Any) -> Callable[[list[Manifest]], None]:
    return lambda objects: _pod(objects, name).update(changes)


def _in_spec(kind: str, name: str, **changes: Any) -> Callable[[list[Manifest]], None]:
    return lambda objects: named(objects, kind, name)["spec"].update(changes)


def _without(kind: str, name: str) -> Callable[[list[Manifest]], None]:
    return lambda objects: objects.remove(named(objects, kind, name))


def _probe(name: str, kind: str, **changes: Any) -> Callable[[list[Manifest]], None]:
    return lambda objects: _container(objects, name)[kind].update(changes)


def _configured(before: str, after: str) -> Callable[[list[Manifest]], None]:
    def spoil(objects: list[Manifest]) -> None:
        for each in objects:
            if each["kind"] == "ConfigMap" and "nats.conf" in each["data"]:
                assert before in each["data"]["nats.conf"]
                each["data"]["nats.conf"] = each["data"]["nats.conf"].replace(before, after)

    return spoil


def _mounted(of: str, path: str, **changes: Any) -> Callable[[list[Manifest]], None]:
    def spoil(objects: list[Manifest]) -> None:
        (mount,) = [each for each in _container(objects, of)["volumeMounts"] if each["mountPath"] == path]
        mount.update(changes)

    return spoil


def _with_mode(name: str, mode: int) -> Callable[[list[Manifest]], None]:
    def spoil(objects: list[Manifest]) -> None:
        (secret,) = [each["secret"] for each in _pod(objects, name)["volumes"] if "secret" in each]
        secret["defaultMode"] = mode

    return spoil


OTHERS = {"matchLabels": {NAME: "others"}}
NOT_SPREAD = [{"topologyKey": "kubernetes.io/hostname", "labelSelector": OTHERS}]
SPOILED = (
    (policies.contained, _pod_context("accounts", runAsNonRoot=False)),
    (policies.contained, _pod_context("nats", runAsUser=0)),
    (policies.contained, _pod_context("gateway", seccompProfile={"type": "Unconfined"})),
    (policies.contained, _context("devices", allowPrivilegeEscalation=True)),
    (policies.contained, _context("eraser", readOnlyRootFilesystem=False)),
    (policies.contained, _context("make-mongo-users", capabilities={"drop": ["NET_RAW"]})),
    (policies.contained, _context("nats", capabilities={"drop": ["ALL"], "add": ["SYS_ADMIN"]})),
    (policies.contained, _context("nats", privileged=True)),
    (policies.contained, _context("nats", runAsUser=0)),
    (policies.contained, _in_pod("nats", hostNetwork=True)),
    (policies.contained, _in_pod("nats", volumes=[{"name": "data", "hostPath": {"path": "/"}}])),
    (policies.contained, _in_pod("accounts", automountServiceAccountToken=True)),
    (policies.contained, _in_pod("accounts", enableServiceLinks=True)),
    (policies.runs_as_the_image_does, _pod_context("accounts", runAsUser=1000)),
    (policies.runs_as_the_image_does, _pod_context("eraser", fsGroup=0)),
    (policies.secrets_are_shut, _with_mode("accounts", 0o444)),
    (policies.secrets_are_shut, _mounted("devices", "/keys", readOnly=False)),
    (policies.secrets_are_shut, _mounted("eraser", "/keys", readOnly=True)),
    (policies.secrets_are_shut, _mounted("gateway", "/tmp", mountPath="/var/tmp")),
    (policies.images_are_named, _in_container("accounts", image="smartplus:latest")),
    (policies.images_are_named, _in_container("nats", image="nats")),
    (policies.probed, lambda objects: _container(objects, "accounts").pop("livenessProbe")),
    (policies.probed, _probe("nats", "readinessProbe", httpGet={"path": "/healthz", "port": "monitors"})),
    (policies.probed, _probe("devices", "livenessProbe", httpGet={"path": "/health/ready", "port": "health"})),
    (policies.probed, _probe("gateway", "startupProbe", httpGet={"path": "/health/ready", "port": "health"})),
    (policies.probed, _probe("accounts", "startupProbe", failureThreshold=3)),
    (policies.bounded, _in_container("gateway", resources={"requests": {"cpu": "1", "memory": "1Gi"}})),
    (policies.bounded, _in_container("nats", env=[{"name": "GOMEMLIMIT", "value": "8192MiB"}])),
    (policies.room_is_kept, _configured("15032385536", "20000000000")),
    (policies.room_is_kept, _configured("sync_interval: always", 'sync_interval: "2m"')),
    (policies.selectors_match, _in_spec("Deployment", "accounts", selector={"matchLabels": {NAME: "devices"}})),
    (policies.selectors_match, _in_spec("StatefulSet", "nats", selector={"matchLabels": {}})),
    (policies.selectors_match, _in_spec("Service", "gateway", selector={NAME: "gate"})),
    (policies.selectors_match, _in_spec("PodDisruptionBudget", "nats", selector=OTHERS)),
    (policies.selectors_match, _in_spec("NetworkPolicy", "nats", ingress=[{"from": [{"podSelector": OTHERS}]}])),
    (policies.references_exist, _without("PersistentVolumeClaim", "keys")),
    (policies.references_exist, _without("Service", "nats-nodes")),
    (policies.references_exist, lambda objects: objects.remove(next(each for each in objects if "data" in each))),
    (policies.references_exist, _in_pod("devices", serviceAccountName="devices")),
    (policies.references_exist, _in_pod("devices", volumes=[{"name": "secrets", "secret": {"secretName": "device"}}])),
    (policies.references_exist, _mounted("devices", "/tmp", name="temporary")),
    (policies.ports_are_named, _in_container("accounts", ports=[{"containerPort": 8080}])),
    (policies.ports_are_named, _in_spec("Service", "gateway", ports=[{"targetPort": "http", "port": 80}])),
    (policies.ports_are_named, _in_spec("Service", "gateway", ports=[{"targetPort": "health", "port": 8081}])),
    (policies.disruption_is_bounded, _without("PodDisruptionBudget", "devices")),
    (policies.disruption_is_bounded, _in_spec("PodDisruptionBudget", "nats", maxUnavailable=2)),
    (policies.spread_out, lambda objects: _pod(objects, "gateway").pop("topologySpreadConstraints")),
    (policies.spread_out, _in_pod("nats", topologySpreadConstraints=NOT_SPREAD)),
    (policies.stops_in_time, _in_pod("accounts", terminationGracePeriodSeconds=30)),
    (policies.stops_in_time, _in_pod("gateway", terminationGracePeriodSeconds=35)),
)


@pytest.mark.parametrize(("policy", "spoil"), SPOILED, ids=[f"{policy.__name__}" for policy, _ in SPOILED])
def test_breach_is_noticed(policy: Policy, spoil: Callable[[list[Manifest]], None]) -> None:
    objects = rendered(BASE)
    spoil(objects)
    assert list(policy(objects))


def test_each_policy_was_seen_to_notice_something() -> None:
    assert {policy for policy, _ in SPOILED} == set(POLICIES)


def test_stores_are_never_together_on_one_node() -> None:
    constraints = _pod(rendered(BASE), "nats")["topologySpreadConstraints"]
    assert {each["whenUnsatisfiable"] for each in constraints} == {"DoNotSchedule"}
