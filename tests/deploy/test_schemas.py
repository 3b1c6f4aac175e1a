"""Kubernetes takes each object as it is rendered, by the schemas of the oldest version that we name and of a newer one.

No schema knows MongoDBCommunity; what we use of its definition stands beside this file.
"""

from __future__ import annotations

import json
import subprocess
from functools import reduce
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from jsonschema import Draft202012Validator, ValidationError

from ops.mongo_users import _roles
from ops.servers import find_mongod
from tests.deploy.manifests import LOCAL, RENDERED, ROOT, Manifest, named, of_kind, rendered

OLDEST, NEWER = "1.30", "1.37"
DEFINED_ELSEWHERE = {
    "MongoDBCommunity": Draft202012Validator(
        json.loads((ROOT / "tests" / "deploy" / "mongodbcommunity.schema.json").read_text())
    )
}


def _validate(each: Manifest, version: str) -> None:
    if definition := DEFINED_ELSEWHERE.get(each["kind"]):
        definition.validate(each)
    else:
        kubernetes_validate.validate(each, version, strict=True)


@pytest.mark.parametrize("folder", RENDERED)
@pytest.mark.parametrize("version", [OLDEST, NEWER])
def test_each_object_is_valid(folder: str, version: str) -> None:
    for each in rendered(folder):
        _validate(each, version)


@pytest.mark.parametrize(
    ("kind", "name", "wrong"),
    [
        ("Deployment", "accounts", {"replica": 2}),
        ("StatefulSet", "nats", {"replicas": "three"}),
        ("Job", "make-mongo-users", {"ttlSecondsAfterFinish": 600}),
        ("NetworkPolicy", "nats", {"policyTypes": "Ingress"}),
        ("MongoDBCommunity", "mongo", {"members": "1"}),
        ("MongoDBCommunity", "mongo", {"member": 1}),
    ],
)
def test_what_is_no_such_object_is_refused(kind: str, name: str, wrong: dict[str, Any]) -> None:
    each = named(rendered(LOCAL), kind, name)
    each["spec"].update(wrong)
    with pytest.raises((kubernetes_validate.ValidationError, ValidationError)):
        _validate(each, NEWER)


def test_objects_have_one_name_each_and_the_overlay_puts_all_in_its_namespace() -> None:
    for folder in RENDERED:
        names = [(each["kind"], each["metadata"]["name"]) for each in rendered(folder)]
        assert len(names) == len(set(names))
    inside = {each["metadata"].get("namespace") for each in rendered(LOCAL) if each["kind"] != "Namespace"}
    assert inside == {named(rendered(LOCAL), "Namespace", "smartplus")["metadata"]["name"]}


def test_mongodb_s_operator_knows_the_roles_that_the_users_get() -> None:
    """It takes away the roles that it does not know."""
    (mongo,) = of_kind(rendered(LOCAL), "MongoDBCommunity")
    known = {
        each["role"]: {
            "privileges": each["privileges"],
            "roles": [{"role": inherited["name"], "db": inherited["db"]} for inherited in each["roles"]],
        }
        for each in mongo["spec"]["security"]["roles"]
        if each["db"] == "admin"
    }
    assert known == _roles("vault")


def test_mongodb_keeps_no_values_that_were_erased() -> None:
    """As compose.yaml has it; docs/operating/erasure.md says why."""
    (mongo,) = of_kind(rendered(LOCAL), "MongoDBCommunity")
    settings = mongo["spec"]["additionalMongodConfig"]
    assert settings["operationProfiling.slowOpThresholdMs"] == 2**31 - 1
    assert settings["setParameter.minSnapshotHistoryWindowInSeconds"] == 0
    assert settings["replication.oplogSizeMB"] == 990


def test_mongod_knows_every_setting(tmp_path: Path) -> None:
    """The operator hands them on as they are; mongod does not start with one that it does not know."""
    (mongo,) = of_kind(rendered(LOCAL), "MongoDBCommunity")
    assert _is_taken(mongo["spec"]["additionalMongodConfig"], tmp_path)
    assert not _is_taken({"replication.oplogSize": 990}, tmp_path)


def _is_taken(settings: dict[str, Any], folder: Path) -> bool:
    nested: dict[str, Any] = {}
    for name, value in settings.items():
        *above, last = name.split(".")
        reduce(lambda inner, each: inner.setdefault(each, {}), above, nested)[last] = value
    (folder / "mongod.conf").write_text(json.dumps(nested))
    mongod = find_mongod()
    in_docker = ["run", "--rm", "--volume", f"{folder}:{folder}", mongod.image, "mongod"] if mongod.image else []
    command = [mongod.path, *in_docker, "--config", str(folder / "mongod.conf"), "--outputConfig"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
