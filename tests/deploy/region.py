"""A region's secrets as deploy/k8s/secrets.sh makes them, laid out as a pod finds them."""

from __future__ import annotations

import base64
import os
import re
import subprocess
from pathlib import Path

import yaml

from tests.deploy.manifests import PROGRAMS, ROOT, Manifest, Workload, named

Secrets = dict[str, dict[str, str]]


def make_secrets(folder: Path, **environment: str) -> Secrets:
    """Run the script as an operator does; the secrets that it prints, by name. No cluster is there to be asked."""
    done = subprocess.run(
        [str(ROOT / "deploy" / "k8s" / "secrets.sh"), str(folder)],
        env={"PATH": f"{PROGRAMS}:{os.environ['PATH']}", "KUBECONFIG": "/dev/null", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {
        each["metadata"]["name"]: {key: base64.b64decode(value).decode() for key, value in each["data"].items()}
        for each in yaml.safe_load_all(done.stdout)
        if each
    }


def told(of: Workload, objects: list[Manifest]) -> dict[str, str]:
    """The variables of its container: the image's, those of ConfigMaps, its own."""
    variables: dict[str, str] = {}
    if of.is_ours:
        image = (ROOT / "deploy" / "Dockerfile").read_text().rpartition("FROM ")[2]
        (lines,) = re.findall(r"^ENV ((?:.*\\\n)*.*)", image, re.MULTILINE)
        variables |= dict(re.findall(r"(\w+)=(\S+)", lines))
    for source in of.container.get("envFrom", []):
        variables |= named(objects, "ConfigMap", source["configMapRef"]["name"])["data"]
    return variables | {each["name"]: each["value"] for each in of.container.get("env", []) if "value" in each}


def lay_out(of: Workload, secrets: Secrets, root: Path) -> None:
    """The folders of its pod below `root`: its secret's files, as links like a kubelet's, and empty volumes."""
    by_name = {volume["name"]: volume for volume in of.volumes}
    for mount in of.container["volumeMounts"]:
        folder = root / mount["mountPath"].lstrip("/")
        (folder / "..data").mkdir(parents=True)
        if secret := by_name.get(mount["name"], {}).get("secret"):
            for key, value in secrets[secret["secretName"]].items():
                (folder / "..data" / key).write_text(value)
                (folder / key).symlink_to(Path("..data") / key)
