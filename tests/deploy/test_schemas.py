"""Kubernetes takes each object as it is rendered, by the schemas of the oldest version that we name and of a newer one.

No schema knows MongoDBCommunity; what we use of its definition stands beside this file.
"""

from __future__ import annotations

import json
from typing import Any

import kubernetes_validate
import pytest
from jsonschema import Draft202012Validator, ValidationError

from ops.mongo_users import _roles
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
