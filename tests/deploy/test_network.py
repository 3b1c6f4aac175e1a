"""Who reaches whom, worked out from the policies as Kubernetes does: exactly what the programs need."""

from __future__ import annotations

from collections.abc import Iterator

from tests.deploy.manifests import (
    BASE,
    LOCAL,
    Manifest,
    named,
    of_kind,
    rendered,
    selects,
    workloads,
)
from tests.deploy.policies import KEEPERS, mongo_labels

ANYWHERE, NAMES = "anywhere", "names"
CLIENT, MONITOR, ROUTES, MQTT, MONGODB = 4222, 8222, 6222, 1883, 27017

NEEDED_IN_BASE = {
    (ANYWHERE, "gateway", 8080),
    (ANYWHERE, "nats", MQTT),
    ("gateway", "nats", CLIENT),
    *((name, "nats", port) for name in (*KEEPERS, "eraser") for port in (CLIENT, MONITOR)),
    ("nats", "nats", ROUTES),
}
NEEDED_LOCALLY = NEEDED_IN_BASE | {
    *((name, "mongo", MONGODB) for name in (*KEEPERS, "eraser", "make-mongo-users", "mongo")),
    ("mongo", ANYWHERE, "any"),
}

Reached = tuple[str, str, int | str]


def reached(objects: list[Manifest]) -> set[Reached]:
    """Who may open a connection to whom, at which of the ports that it listens on. DNS is left out."""
    pods = {each.name: each.labels for each in workloads(objects)}
    ports = {
        each.name: [port["containerPort"] for port in each.container.get("ports", [])] for each in workloads(objects)
    }
    for each in of_kind(objects, "MongoDBCommunity"):
        pods[each["metadata"]["name"]], ports[each["metadata"]["name"]] = mongo_labels(each), [MONGODB]
    policies = [each["spec"] for each in of_kind(objects, "NetworkPolicy")]
    found: set[Reached] = set()
    for whom, labels in pods.items():
        for port in ports[whom]:
            if _allows(policies, "Ingress", labels, None, port):
                found.add((ANYWHERE, whom, port))
            for who, of in pods.items():
                if (
                    _allows(policies, "Egress", of, labels, port)
                    and _allows(policies, "Ingress", labels, of, port)
                    and (ANYWHERE, whom, port) not in found
                ):
                    found.add((who, whom, port))
        if _allows(policies, "Egress", labels, None, "any"):
            found.add((whom, ANYWHERE, "any"))
    return found


def _allows(
    policies: list[Manifest], way: str, own: dict[str, str], other: dict[str, str] | None, port: int | str
) -> bool:
    """Whether pods with these labels may that way; `other` is None for who is outside."""
    on = [spec for spec in policies if way in spec["policyTypes"] and selects(spec["podSelector"], own)]
    return not on or any(_lets(rule, way, other, port) for spec in on for rule in spec.get(way.lower(), []))


def _lets(rule: Manifest, way: str, other: dict[str, str] | None, port: int | str) -> bool:
    peers = rule.get("from" if way == "Ingress" else "to")
    if "ports" in rule and port not in [each["port"] for each in rule["ports"]]:
        return False
    return peers is None or any(_is(peer, other) for peer in peers)


def _is(peer: Manifest, labels: dict[str, str] | None) -> bool:
    """A namespace that is named is another one than ours here."""
    if peer.keys() != {"podSelector"}:
        assert peer.keys() == {"namespaceSelector"}, peer
        return False
    return labels is not None and selects(peer["podSelector"], labels)


def test_everybody_reaches_whom_it_needs_and_nobody_else() -> None:
    assert reached(rendered(BASE)) == NEEDED_IN_BASE
    assert reached(rendered(LOCAL)) == NEEDED_LOCALLY


def test_every_pod_may_ask_for_names_and_that_only_of_the_cluster_s_own() -> None:
    for objects in (rendered(BASE), rendered(LOCAL)):
        asking = [spec for spec in _specs(objects) if 53 in _ports(spec)]
        assert [spec["podSelector"] for spec in asking] == [{}]
        (rule,) = asking[0]["egress"]
        assert rule["to"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}]
        assert {(each["protocol"], each["port"]) for each in rule["ports"]} == {("UDP", 53), ("TCP", 53)}


def _specs(objects: list[Manifest]) -> Iterator[Manifest]:
    return (each["spec"] for each in of_kind(objects, "NetworkPolicy"))


def _ports(spec: Manifest) -> set[int]:
    return {port["port"] for rule in spec.get("egress", []) for port in rule.get("ports", [])}


def test_a_policy_that_is_lost_opens_or_shuts_something() -> None:
    for lost in ("nobody", "gateway", "services", "nats", "to-mongodb", "mongodb"):
        objects = rendered(LOCAL)
        objects.remove(named(objects, "NetworkPolicy", lost))
        assert reached(objects) != NEEDED_LOCALLY, lost


def test_a_policy_that_lets_through_too_much_is_noticed() -> None:
    objects = rendered(LOCAL)
    named(objects, "NetworkPolicy", "nats")["spec"]["ingress"].append({"ports": [{"port": CLIENT}]})
    assert (ANYWHERE, "nats", CLIENT) in reached(objects) - NEEDED_LOCALLY


def test_without_any_policy_everybody_reaches_everybody() -> None:
    """What the other tests work with can tell."""
    objects = [each for each in rendered(LOCAL) if each["kind"] != "NetworkPolicy"]
    assert (ANYWHERE, "accounts", 8080) in reached(objects)
