"""What `kubectl apply -k` would send, rendered here, and the views of it that the tests judge."""

from __future__ import annotations

import copy
import functools
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent
KUBECTL = PROGRAMS / "kubectl"
BASE, LOCAL = "base", "overlays/local"
RENDERED = (BASE, LOCAL)
NAME = "app.kubernetes.io/name"

Manifest = dict[str, Any]


def rendered(folder: str) -> list[Manifest]:
    """The objects of that folder of `deploy/k8s`, to be spoiled at will."""
    return copy.deepcopy(_rendered(folder))


@functools.cache
def _rendered(folder: str) -> list[Manifest]:
    command = [str(KUBECTL), "kustomize", str(ROOT / "deploy" / "k8s" / folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")  # a warning is a word that an older or newer one reads otherwise
    return list(yaml.safe_load_all(done.stdout))


@functools.cache
def compose() -> Manifest:
    return dict(yaml.safe_load((ROOT / "compose.yaml").read_text()))


@dataclass(frozen=True)
class Workload:
    """An object that makes pods, with what the pods are."""

    manifest: Manifest

    @property
    def kind(self) -> str:
        return str(self.manifest["kind"])

    @property
    def name(self) -> str:
        return str(self.manifest["metadata"]["name"])

    @property
    def replicas(self) -> int:
        return int(self.manifest["spec"].get("replicas", 1))

    @property
    def labels(self) -> dict[str, str]:
        return dict(self.manifest["spec"]["template"]["metadata"].get("labels", {}))

    @property
    def pod(self) -> Manifest:
        pod: Manifest = self.manifest["spec"]["template"]["spec"]
        return pod

    @property
    def container(self) -> Manifest:
        (container,) = self.pod["containers"]
        return dict(container)

    @property
    def volumes(self) -> list[Manifest]:
        return list(self.pod.get("volumes", []))

    @property
    def is_ours(self) -> bool:
        """It runs the image of deploy/Dockerfile."""
        return self.container["image"].startswith("smartplus:")

    def mount(self, path: str) -> Manifest | None:
        return next((each for each in self.container.get("volumeMounts", []) if each["mountPath"] == path), None)


def of_kind(objects: list[Manifest], *kinds: str) -> list[Manifest]:
    return [each for each in objects if each["kind"] in kinds]


def named(objects: list[Manifest], kind: str, name: str) -> Manifest:
    (found,) = [each for each in of_kind(objects, kind) if each["metadata"]["name"] == name]
    return found


def workloads(objects: list[Manifest]) -> list[Workload]:
    return [Workload(each) for each in of_kind(objects, "Deployment", "StatefulSet", "Job", "DaemonSet", "CronJob")]


def workload(objects: list[Manifest], name: str) -> Workload:
    (found,) = [each for each in workloads(objects) if each.name == name]
    return found


def selects(selector: Manifest, labels: dict[str, str]) -> bool:
    """As Kubernetes has it, for what our selectors use: nothing named selects all."""
    unknown = selector.keys() - {"matchLabels", "matchExpressions"}
    assert not unknown, unknown
    for each in selector.get("matchExpressions", []):
        assert each["operator"] == "In", each
        if labels.get(each["key"]) not in each["values"]:
            return False
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())


def references(objects: list[Manifest]) -> Iterator[tuple[str, str, str]]:
    """Who needs what by its kind and name."""
    for each in workloads(objects):
        for source in each.container.get("envFrom", []):
            for kind in ("configMap", "secret"):
                if of := source.get(f"{kind}Ref"):
                    yield each.name, kind.capitalize().replace("Configmap", "ConfigMap"), of["name"]
        for variable in each.container.get("env", []):
            for kind, key in (("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")):
                if of := variable.get("valueFrom", {}).get(key):
                    yield each.name, kind, of["name"]
        for volume in each.volumes:
            if "configMap" in volume:
                yield each.name, "ConfigMap", volume["configMap"]["name"]
            if "secret" in volume:
                yield each.name, "Secret", volume["secret"]["secretName"]
            if "persistentVolumeClaim" in volume:
                yield each.name, "PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]
        if account := each.pod.get("serviceAccountName"):
            yield each.name, "ServiceAccount", account
        if service := each.manifest["spec"].get("serviceName"):
            yield each.name, "Service", service
    for each in of_kind(objects, "MongoDBCommunity"):
        for user in each["spec"]["users"]:
            yield each["metadata"]["name"], "Secret", user["passwordSecretRef"]["name"]
