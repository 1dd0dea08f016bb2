"""The chart for Helm and the kustomization give what deploy/kubernetes has, as a cluster takes it."""

import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from adapter.files.finding import as_text
from adapter.mapping.load import check
from adapter.service.mappings import read_message
from adapter.settings.load import check_settings
from adapter.version import VERSION
from tests.clients.installed import needs
from tests.docs.pages import ROOT
from tests.docs.test_kubernetes import OBJECTS as PLAIN
from tests.docs.test_kubernetes import POD as SINGLE
from tests.docs.test_kubernetes_scale import POD as REPLICA

CHART = ROOT / "deploy/helm/browsee-adapter"
VALUES = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
SECRET = {"BROWSEE_API_KEY": "a-key", "SHOP_KEY": "a-key-of-the-shop", "ADAPTER_ADMIN_TOKEN": "a-token-of-operators"}
QUEUE = "postgresql://adapter@db.example.com/adapter?sslmode=require"
SETS: dict[str, dict[str, Any]] = {
    "single": {"secret": {"values": SECRET}},
    "replicas": {"secret": {"existing": "ours"}, "queue": {"url": QUEUE}, "env": [{"name": "A", "value": "1"}]},
    "everything": {
        "secret": {"values": SECRET | {"PGPASSWORD": "p"}},
        "queue": {"url": QUEUE},
        "ingress": {"enabled": True, "className": "nginx", "tlsSecret": "tls"},
        "networkPolicy": {"enabled": True},
        "persistence": {"storageClass": "fast"},
        "imagePullSecrets": [{"name": "registry"}],
        "nodeSelector": {"kubernetes.io/arch": "arm64"},
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "podAnnotations": {"example.com/a": "b"},
    },
}


def run(tool: str, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run helm or kubectl; skips the test where there is none."""
    found = shutil.which(ROOT / ".tools" / tool) or shutil.which(tool)
    if found is None:
        needs(f"{tool} is not installed: scripts/npm-tools does it where there is npm")
    command = [str(found), *words]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)


@cache
def rendered(name: str) -> dict[str, Any]:
    """The objects of the release `shop` with these values, by kind and name."""
    done = run("helm", "template", "shop", str(CHART), "-f", "-", stdin=yaml.safe_dump(SETS[name]))
    assert done.returncode == 0, done.stderr
    made = [one for one in yaml.safe_load_all(done.stdout) if one]
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in made}


def pod(name: str) -> dict[str, Any]:
    [found] = [one for one in rendered(name).values() if one["kind"] in {"Deployment", "StatefulSet"}]
    return dict(found["spec"]["template"]["spec"])


@pytest.mark.parametrize("name", SETS)
def test_helm_finds_nothing_wrong(name: str) -> None:
    """`helm lint`, strictly."""
    done = run("helm", "lint", "--strict", str(CHART), "-f", "-", stdin=yaml.safe_dump(SETS[name]))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("version", ["1.29", kubernetes_validate.latest_version()])
@pytest.mark.parametrize("name", SETS)
def test_a_cluster_takes_it(name: str, version: str) -> None:
    """Each object fits the API's own schema, without a word that it does not know."""
    for made in rendered(name).values():
        kubernetes_validate.validate(made, version, strict=True)


@pytest.mark.parametrize(("name", "plain"), [("single", SINGLE), ("replicas", REPLICA)])
def test_the_pod_is_the_one_without_helm(name: str, plain: dict[str, Any]) -> None:
    """Rights, probes, ports, resources and grace: what was thought through once is the same in both."""
    ours, [container], [plain_container] = pod(name), pod(name)["containers"], plain["containers"]
    for key in (
        "securityContext",
        "terminationGracePeriodSeconds",
        "enableServiceLinks",
        "automountServiceAccountToken",
    ):
        assert ours[key] == plain[key], key
    for key in ("ports", "startupProbe", "livenessProbe", "readinessProbe", "securityContext", "volumeMounts"):
        assert container[key] == plain_container[key], key
    assert container.get("lifecycle") == plain_container.get("lifecycle")
    assert container["image"] == f"ghcr.io/browsee/browsee-adapter:{VERSION}"


@pytest.mark.parametrize("name", SETS)
def test_the_parts_find_each_other(name: str) -> None:
    """Every selector selects the pods; every ConfigMap and Secret that they use is there, or is the user's own."""
    objects = rendered(name)
    [work] = [one for one in objects.values() if one["kind"] in {"Deployment", "StatefulSet"}]
    labels = work["spec"]["template"]["metadata"]["labels"]
    for made in objects.values():
        spec = made.get("spec", {})
        selector = spec.get("podSelector", spec.get("selector", {}))
        assert selector.get("matchLabels", selector).items() <= labels.items(), made["kind"]
    used = {f"ConfigMap/{volume['configMap']['name']}" for volume in pod(name)["volumes"] if "configMap" in volume}
    assert used <= objects.keys()
    [secret] = pod(name)["containers"][0]["envFrom"]
    own = SETS[name]["secret"].get("existing")
    assert secret["secretRef"]["name"] == own or f"Secret/{secret['secretRef']['name']}" in objects
    assert own is None or not any(one["kind"] == "Secret" for one in objects.values())


def test_the_files_in_the_values_are_sound(tmp_path: Path) -> None:
    """The settings and the mapping that the chart brings are taken by `check`."""
    (tmp_path / "shop.yaml").write_text(VALUES["mappings"]["shop.yaml"], encoding="utf-8")
    found = check_settings(VALUES["settings"], file=tmp_path / "adapter.yaml", environ=SECRET)
    assert [as_text(one) for one in found if one.blocks] == []
    problems = check(VALUES["mappings"]["shop.yaml"], file="shop.yaml", read=read_message)
    assert [as_text(one) for one in problems if one.blocks] == []


def test_a_secret_that_is_missing_is_named() -> None:
    """Before a pod starts that could not read its settings."""
    done = run("helm", "template", "shop", str(CHART), "-f", "-", stdin="secret: {values: {SHOP_KEY: a}}")
    assert done.returncode != 0
    assert "set secret.values.BROWSEE_API_KEY, or secret.existing" in done.stderr


def test_the_kustomization_has_every_object() -> None:
    """None is forgotten but the Ingress, whose host is not known, and none is changed but for the image."""
    done = run("kubectl", "kustomize", str(ROOT / "deploy/kubernetes"))
    assert done.returncode == 0, done.stderr
    made = {f"{one['kind']}/{one['metadata']['name']}": one for one in yaml.safe_load_all(done.stdout)}
    assert made == {name: one for name, one in PLAIN.items() if one["kind"] != "Ingress"}
