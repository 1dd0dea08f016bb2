"""deploy/kubernetes is what a cluster takes, and agrees with the image, the settings and the mapping language."""

import json
import re
from pathlib import Path
from time import time
from typing import Any

import kubernetes_validate
import pytest
import yaml
from prometheus_client import CollectorRegistry

from adapter.console.health import Health, Report
from adapter.files.finding import Severity, as_text
from adapter.mapping.load import check
from adapter.service.app import GRACE_S
from adapter.service.mappings import read_message
from adapter.settings.environment import CONFIG_VARIABLE, PROCESS_VARIABLES, SOURCE_VARIABLES, VARIABLES
from adapter.settings.load import check_settings
from adapter.settings.mapping_choice import MAPPINGS_FOLDER
from adapter.settings.quantities import size_bytes
from reliability.simulated_queue.queue import SimulatedQueue
from tests.docs.pages import ROOT

FILES = sorted((ROOT / "deploy/kubernetes").glob("*.yaml"))
OBJECTS: dict[str, Any] = {
    f"{made['kind']}/{made['metadata']['name']}": made
    for file in FILES
    for made in yaml.safe_load_all(file.read_text(encoding="utf-8"))
}
SET = OBJECTS["StatefulSet/browsee-adapter"]["spec"]
POD = SET["template"]["spec"]
(CONTAINER,) = POD["containers"]
SERVICE = OBJECTS["Service/browsee-adapter"]
SETTINGS = OBJECTS["ConfigMap/browsee-adapter-settings"]["data"]["adapter.yaml"]
MAPPINGS = OBJECTS["ConfigMap/browsee-adapter-mappings"]["data"]
SECRET = OBJECTS["Secret/browsee-adapter"]["stringData"]
LIMITS = json.loads((ROOT / "schemas/adapter/settings.json").read_text(encoding="utf-8"))["properties"]["limits"][
    "properties"
]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def report() -> Report:
    """How a service does that does well."""
    return Report(stopping=False, sandbox=False, delivery="ok", why="", facts={}, gauges=())


def of_dockerfile(pattern: str) -> str:
    """The one match of a line of the Dockerfile."""
    (found,) = re.findall(rf"(?m)^{pattern}$", DOCKERFILE)
    return str(found)


@pytest.mark.parametrize("version", ["1.29", kubernetes_validate.latest_version()])
@pytest.mark.parametrize("name", OBJECTS)
def test_a_cluster_takes_it(name: str, version: str) -> None:
    """Each object fits the API's own schema, without a word that it does not know."""
    kubernetes_validate.validate(OBJECTS[name], version, strict=True)


def test_the_ingress_leads_to_the_service_and_takes_large_batches() -> None:
    """Its limit of bodies is the adapter's own, not the megabyte of ingress-nginx."""
    ingress = OBJECTS["Ingress/browsee-adapter"]
    ((path,),) = (rule["http"]["paths"] for rule in ingress["spec"]["rules"])
    assert path["backend"]["service"] == {"name": "browsee-adapter", "port": {"name": "http"}}
    limit = ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-body-size"]
    assert size_bytes(limit.replace("m", "MB")) >= size_bytes(LIMITS["body"]["default"])
    assert [entry["hosts"] for entry in ingress["spec"]["tls"]] == [[rule["host"] for rule in ingress["spec"]["rules"]]]


def test_a_misspelt_word_would_be_found() -> None:
    """The schemas are asked strictly: Kubernetes itself leaves out what it does not know, and says nothing."""
    wrong = {**SERVICE, "spec": {**SERVICE["spec"], "selectr": {}}}
    with pytest.raises(kubernetes_validate.ValidationError, match="selectr"):
        kubernetes_validate.validate(wrong, kubernetes_validate.latest_version(), strict=True)


def test_the_parts_find_each_other() -> None:
    """Labels, names, volumes and ports that one part uses are those of the other."""
    labels = SET["template"]["metadata"]["labels"]
    assert SET["selector"]["matchLabels"] == labels == SERVICE["spec"]["selector"]
    assert f"Service/{SET['serviceName']}" in OBJECTS
    volumes = {f"ConfigMap/{volume['configMap']['name']}" for volume in POD["volumes"]}
    assert volumes == {name for name in OBJECTS if name.startswith("ConfigMap/")}
    claims = {claim["metadata"]["name"] for claim in SET["volumeClaimTemplates"]}
    named = {volume["name"] for volume in POD["volumes"]} | claims
    assert {mount["name"] for mount in CONTAINER["volumeMounts"]} == named
    assert [source["secretRef"]["name"] for source in CONTAINER["envFrom"]] == ["browsee-adapter"]
    ports = {port["name"]: port["containerPort"] for port in CONTAINER["ports"]}
    assert {asked["targetPort"] for asked in SERVICE["spec"]["ports"]} == {"http"}
    # What only operators may reach is at a port that the Service of senders does not have.
    assert yaml.safe_load(SETTINGS)["admin_listen"] == f"0.0.0.0:{ports['admin']}"


def test_it_fits_the_image() -> None:
    """User, port and volume are those of the Dockerfile, and nothing asks for a right that the image does without."""
    user, group = (int(part) for part in of_dockerfile(r"USER (\d+:\d+)").split(":"))
    security = POD["securityContext"]
    assert (security["runAsUser"], security["runAsGroup"], security["fsGroup"]) == (user, group, group)
    assert CONTAINER["ports"][0]["containerPort"] == int(of_dockerfile(r"EXPOSE (\d+)"))
    mounts = {mount["name"]: mount["mountPath"] for mount in CONTAINER["volumeMounts"]}
    assert mounts["data"] == of_dockerfile(r"VOLUME (\S+)")
    assert mounts["mappings"] == str(MAPPINGS_FOLDER)
    rights = CONTAINER["securityContext"]
    assert rights["readOnlyRootFilesystem"] is True
    assert rights["allowPrivilegeEscalation"] is False
    assert rights["capabilities"] == {"drop": ["ALL"]}


def test_it_is_asked_and_stopped_as_the_service_wants_it() -> None:
    """One owner of the queue, probes on paths that there are, and time enough for calls under way."""
    assert SET["replicas"] == 1
    health = Health(
        inbox=SimulatedQueue(now=time), report=report, registry=CollectorRegistry(), is_operator=lambda _: True
    )
    paths = {route.path for route in health.routes()}
    probes = {name: CONTAINER[name]["httpGet"]["path"] for name in CONTAINER if name.endswith("Probe")}
    assert set(probes.values()) <= paths
    assert probes["livenessProbe"] == "/healthz"
    assert probes["readinessProbe"] == "/readyz"
    assert POD["terminationGracePeriodSeconds"] >= GRACE_S + 5


def test_the_settings_can_be_used() -> None:
    """With the secret filled in there is no problem but the mapping, which is in another mount."""
    (config,) = [one["value"] for one in CONTAINER["env"] if one["name"] == CONFIG_VARIABLE]
    mounts = {mount["name"]: mount["mountPath"] for mount in CONTAINER["volumeMounts"]}
    assert Path(config).parent == Path(mounts["settings"])
    environ = dict.fromkeys(SECRET, "a-secret-of-some-length")
    found = [as_text(one) for one in check_settings(SETTINGS, file=Path(config), environ=environ)]
    assert [text for text in found if "no mapping file /config/shop.yaml" not in text] == []
    assert set(re.findall(r"\$\{(\w+)\}", SETTINGS)) == set(SECRET)
    named = {source["mapping"] for source in yaml.safe_load(SETTINGS)["sources"].values()}
    assert named <= set(MAPPINGS)


def test_an_empty_secret_is_reported() -> None:
    """The files applied unchanged fail with the name of each variable, rather than serve with a published key."""
    assert set(SECRET.values()) == {""}
    found = check_settings(SETTINGS, file=Path("/config/adapter.yaml"), environ=SECRET)
    shown = "\n".join(one.message for one in found)
    assert [name for name in SECRET if name not in shown] == []


@pytest.mark.parametrize("name", MAPPINGS)
def test_the_mapping_works(name: str) -> None:
    """It passes its own tests without a warning."""
    findings = check(MAPPINGS[name], file=name, read=read_message)
    assert [as_text(found) for found in findings if found.severity is not Severity.NOTE] == []


def test_the_volume_holds_the_queue() -> None:
    """The queue says that it is full before the disk does."""
    (claim,) = SET["volumeClaimTemplates"]
    gibibytes = int(claim["spec"]["resources"]["requests"]["storage"].removesuffix("Gi"))
    assert gibibytes * 2**30 > 1.2 * size_bytes(yaml.safe_load(SETTINGS)["retention"]["max_disk"])


def test_no_service_sets_a_variable() -> None:
    """A cluster sets <SERVICE>_PORT and more for each Service; none of them may be a setting."""
    assert POD["enableServiceLinks"] is False
    begins = f"{SERVICE['metadata']['name']}_".upper().replace("-", "_")
    known = {*VARIABLES, *SOURCE_VARIABLES, *PROCESS_VARIABLES, CONFIG_VARIABLE}
    assert [name for name in known if name.startswith(begins)] == []
