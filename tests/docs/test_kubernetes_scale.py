"""deploy/kubernetes/scale: replicas on PostgreSQL, as a cluster takes them, and as the single pod next to them."""

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from adapter.files.finding import as_text
from adapter.service.app import GRACE_S
from adapter.settings.environment import CONFIG_VARIABLE
from adapter.settings.load import check_settings, load_settings
from tests.docs.pages import ROOT
from tests.docs.test_kubernetes import CONTAINER as SINGLE
from tests.docs.test_kubernetes import OBJECTS as AROUND
from tests.docs.test_kubernetes import POD as SINGLE_POD

OBJECTS: dict[str, Any] = {
    f"{made['kind']}/{made['metadata']['name']}": made
    for file in sorted((ROOT / "deploy/kubernetes/scale").glob("*.yaml"))
    for made in yaml.safe_load_all(file.read_text(encoding="utf-8"))
}
NAME = "browsee-adapter-scale"
DEPLOYMENT = OBJECTS[f"Deployment/{NAME}"]["spec"]
POD = DEPLOYMENT["template"]["spec"]
(CONTAINER,) = POD["containers"]
SETTINGS = OBJECTS[f"ConfigMap/{NAME}-settings"]["data"]["adapter.yaml"]
SECRET = OBJECTS[f"Secret/{NAME}"]["stringData"]
ENVIRON = {one["name"]: one["value"] for one in CONTAINER["env"]}


@pytest.mark.parametrize("version", ["1.29", kubernetes_validate.latest_version()])
@pytest.mark.parametrize("name", OBJECTS)
def test_a_cluster_takes_it(name: str, version: str) -> None:
    """Each object fits the API's own schema, without a word that it does not know."""
    kubernetes_validate.validate(OBJECTS[name], version, strict=True)


def test_the_parts_find_each_other() -> None:
    """Labels, names, volumes and ports that one part uses are those of the other, and not those of the single pod."""
    labels = DEPLOYMENT["template"]["metadata"]["labels"]
    assert OBJECTS.keys().isdisjoint(AROUND)
    assert labels == DEPLOYMENT["selector"]["matchLabels"] == OBJECTS[f"Service/{NAME}"]["spec"]["selector"]
    assert labels != AROUND["Service/browsee-adapter"]["spec"]["selector"]
    for kind, place in (("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector")):
        assert OBJECTS[f"{kind}/{NAME}"]["spec"][place]["matchLabels"] == labels
    assert [spread["labelSelector"]["matchLabels"] for spread in POD["topologySpreadConstraints"]] == [labels, labels]
    scaled = OBJECTS[f"HorizontalPodAutoscaler/{NAME}"]["spec"]
    assert f"{scaled['scaleTargetRef']['kind']}/{scaled['scaleTargetRef']['name']}" in OBJECTS
    assert {f"ConfigMap/{volume['configMap']['name']}" for volume in POD["volumes"]} <= OBJECTS.keys() | AROUND.keys()
    assert {mount["name"] for mount in CONTAINER["volumeMounts"]} == {volume["name"] for volume in POD["volumes"]}
    assert [f"Secret/{source['secretRef']['name']}" for source in CONTAINER["envFrom"]] == [f"Secret/{NAME}"]
    ports = {port["name"] for port in CONTAINER["ports"]}
    allowed = OBJECTS[f"NetworkPolicy/{NAME}"]["spec"]["ingress"]
    assert {port["port"] for rule in allowed for port in rule["ports"]} == ports


def test_a_rollout_and_a_drain_leave_enough_replicas() -> None:
    """Never one less than wanted, two at least, and each has time to end its calls after no Service sends to it."""
    assert DEPLOYMENT["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    least = OBJECTS[f"HorizontalPodAutoscaler/{NAME}"]["spec"]["minReplicas"]
    assert DEPLOYMENT["replicas"] == least > OBJECTS[f"PodDisruptionBudget/{NAME}"]["spec"]["minAvailable"] >= 2
    _, waits_s = CONTAINER["lifecycle"]["preStop"]["exec"]["command"]
    assert POD["terminationGracePeriodSeconds"] >= GRACE_S + int(waits_s) + 5


def test_it_is_the_same_service_as_the_single_pod() -> None:
    """The same image, rights, probes and ports; no volume, because what is accepted is in PostgreSQL."""
    for name in ("image", "ports", "startupProbe", "livenessProbe", "readinessProbe", "securityContext"):
        assert CONTAINER[name] == SINGLE[name], name
    assert POD["enableServiceLinks"] is POD["automountServiceAccountToken"] is False
    without_volume = {key: value for key, value in SINGLE_POD["securityContext"].items() if not key.startswith("fsG")}
    assert POD["securityContext"] == without_volume


def test_the_settings_can_be_used() -> None:
    """With the secret filled in there is no problem but the mapping, which is in another mount."""
    environ = dict.fromkeys(SECRET, "a-secret-of-some-length") | ENVIRON
    found = [as_text(one) for one in check_settings(SETTINGS, file=Path(ENVIRON[CONFIG_VARIABLE]), environ=environ)]
    assert [text for text in found if "no mapping file /config/shop.yaml" not in text] == []
    assert set(re.findall(r"\$\{(\w+)\}", SETTINGS)) == SECRET.keys() - {"PGPASSWORD"}


def test_the_queue_is_the_one_of_the_environment(tmp_path: Path) -> None:
    """The image names a file, which the environment must overrule; and the address holds no password."""
    (tmp_path / "adapter.yaml").write_text(SETTINGS, encoding="utf-8")
    (tmp_path / "shop.yaml").write_text(AROUND["ConfigMap/browsee-adapter-mappings"]["data"]["shop.yaml"])
    environ = dict.fromkeys(SECRET, "a-secret-of-some-length") | {"ADAPTER_QUEUE": ENVIRON["ADAPTER_QUEUE"]}
    settings = load_settings(file=tmp_path / "adapter.yaml", environ=environ)
    assert str(settings.queue) == "postgresql://adapter@postgresql.example.com/adapter"


def test_an_empty_secret_is_reported() -> None:
    """The files applied unchanged fail with the name of each variable; PostgreSQL asks for its own password."""
    assert set(SECRET.values()) == {""}
    found = check_settings(SETTINGS, file=Path("/config/adapter.yaml"), environ=SECRET)
    shown = "\n".join(one.message for one in found)
    assert [name for name in SECRET if name not in shown] == ["PGPASSWORD"]
