"""The Helm chart: linted, rendered by Helm, and what it renders fits together and fits the image."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from audience_mock import __version__
from audience_mock.settings import ENVIRONMENT_PREFIX, Settings
from helpers.command_line import read_command_line

TOP = Path(__file__).parents[2]
CHART = TOP / "deploy/helm/audience-mock"
HELM = shutil.which("helm") or shutil.which("helm", path=f"{sys.prefix}/helm/helm")
with_helm = pytest.mark.skipif(HELM is None, reason="helm is not installed (make helm)")

MINIMAL: dict[str, Any] = {}
FULL: dict[str, Any] = {
    "fullnameOverride": "sandbox",
    "settings": {"auth_mode": "strict", "max_upload_bytes": 2 << 30, "match_rate": 0.5, "redact_users": True},
    "adminTokens": {"secret": "sandbox-admin"},
    "tenants": {"configMap": "sandbox-tenants"},
    "seed": {"secret": "sandbox-seed", "key": "team.json"},
    "drainSeconds": 20,
    "persistence": {"storageClass": "fast", "size": "5Gi"},
    "ingress": {"enabled": True, "host": "sandbox.example.com", "path": "/mock/", "tlsSecret": "sandbox-tls"},
    "metrics": {"enabled": True, "serviceMonitor": {"enabled": True, "tokenSecret": {"name": "prometheus"}}},
    "networkPolicy": {"from": [{"podSelector": {}}]},
    "podAnnotations": {"a": "b"},
    "nodeSelector": {"kubernetes.io/arch": "amd64"},
}
IN_MEMORY: dict[str, Any] = {"persistence": {"enabled": False}, "networkPolicy": {"enabled": False}}
EXISTING: dict[str, Any] = {"persistence": {"existingClaim": "mine"}, "publicUrl": "https://elsewhere/mock"}
REPLICAS: dict[str, Any] = {
    "postgresql": {
        "secret": "database",
        "ca": {"configMap": "database-ca"},
        "migrate": {"secret": "database-owner", "servingRole": "mock_serving"},
        "to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}],
    },
    "replicas": 3,
    "adminTokens": {"secret": "sandbox-admin"},
    "nodeSelector": {"kubernetes.io/arch": "amd64"},
}
SHARED: dict[str, Any] = {"postgresql": {"secret": "database", "key": "uri"}}
CASES = {
    "replicas": REPLICAS,
    "shared": SHARED,
    "minimal": MINIMAL,
    "full": FULL,
    "in memory": IN_MEMORY,
    "existing claim": EXISTING,
}


FROM_A_SECRET = "postgresql://from-a-secret/mock"
"""Stands for a value that only Kubernetes sees."""


def helm(*arguments: str, values: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    assert HELM
    return subprocess.run(
        [HELM, *arguments, "--values", "-"],
        input=yaml.safe_dump(values),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def render(values: dict[str, Any], release: str = "team") -> dict[str, dict[str, Any]]:
    """What the chart makes with these values, by kind: it has one of each."""
    rendered = helm("template", release, str(CHART), values=values)
    assert rendered.returncode == 0, rendered.stderr
    found = [manifest for manifest in yaml.safe_load_all(rendered.stdout) if manifest]
    by_kind = {manifest["kind"]: manifest for manifest in found}
    assert len(by_kind) == len(found)
    return by_kind


def container_of(manifests: dict[str, dict[str, Any]]) -> dict[str, Any]:
    (container,) = manifests["Deployment"]["spec"]["template"]["spec"]["containers"]
    found: dict[str, Any] = container
    return found


def environment_of(manifests: dict[str, dict[str, Any]]) -> dict[str, str]:
    variables = container_of(manifests)["env"]
    by_name = {variable["name"]: variable.get("value", FROM_A_SECRET) for variable in variables}
    assert len(by_name) == len(variables), "a variable twice"
    return by_name


@pytest.fixture(scope="module", params=CASES)
def manifests(request: pytest.FixtureRequest) -> dict[str, dict[str, Any]]:
    return render(CASES[request.param])


@with_helm
@pytest.mark.parametrize("case", CASES)
def test_lint(case: str) -> None:
    """Helm's linter has no error and no warning."""
    linted = helm("lint", "--strict", str(CHART), values=CASES[case])
    assert linted.returncode == 0, linted.stdout
    assert "[WARNING]" not in linted.stdout


@with_helm
def test_labels_and_names_fit(manifests: dict[str, dict[str, Any]]) -> None:
    """Each selector selects the pod, or the Service, by labels that it has, and everything refers to what is
    rendered or to what the operator makes."""
    pod = manifests["Deployment"]["spec"]["template"]
    labels = pod["metadata"]["labels"].items()
    assert manifests["Deployment"]["spec"]["selector"]["matchLabels"].items() <= labels
    assert manifests["Service"]["spec"]["selector"].items() <= labels
    if budget := manifests.get("PodDisruptionBudget"):
        assert budget["spec"]["selector"]["matchLabels"].items() <= labels
    for spread in pod["spec"].get("topologySpreadConstraints", ()):
        assert spread["labelSelector"]["matchLabels"].items() <= labels
    if job := manifests.get("Job"):
        served = job["spec"]["template"]["metadata"]["labels"].items()
        assert not manifests["Service"]["spec"]["selector"].items() <= served, "no request goes to it"
    if policy := manifests.get("NetworkPolicy"):
        assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels
    if monitor := manifests.get("ServiceMonitor"):
        service = manifests["Service"]["metadata"]["labels"]
        assert monitor["spec"]["selector"]["matchLabels"].items() <= service.items()
        assert service[monitor["spec"]["jobLabel"]] == "audience-mock", "as the alert rules call the job"
    if ingress := manifests.get("Ingress"):
        (path,) = ingress["spec"]["rules"][0]["http"]["paths"]
        assert path["backend"]["service"]["name"] == manifests["Service"]["metadata"]["name"]
        assert ingress["spec"]["tls"][0]["hosts"] == [ingress["spec"]["rules"][0]["host"]]
    names = {
        manifest["metadata"]["name"].removesuffix("-migrate" if kind == "Job" else "")
        for kind, manifest in manifests.items()
    }
    assert len(names) == 1
    assert all(re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", name) for name in names)
    for manifest in manifests.values():
        for value in manifest["metadata"]["labels"].values():
            assert re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?", value)


@with_helm
def test_ports_agree(manifests: dict[str, dict[str, Any]]) -> None:
    """Every port is the container's one, which is that of the image."""
    (port,) = container_of(manifests)["ports"]
    (exposed,) = re.findall(r"^EXPOSE (\d+)$", (TOP / "Dockerfile").read_text(), flags=re.MULTILINE)
    assert str(port["containerPort"]) == exposed
    (offered,) = manifests["Service"]["spec"]["ports"]
    assert offered["targetPort"] == port["name"]
    used = [
        probe["httpGet"]["port"] for name, probe in container_of(manifests).items() if name.endswith("Probe")
    ]
    assert len(used) == 3
    if policy := manifests.get("NetworkPolicy"):
        used += [rule["port"] for rule in policy["spec"]["ingress"][0]["ports"]]
        assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
        allowed = [port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]]
        assert allowed == ([5432, 53, 53] if FROM_A_SECRET in environment_of(manifests).values() else [])
    assert set(used) == {port["name"]}
    for_service = [
        endpoint["port"] for endpoint in manifests.get("ServiceMonitor", _none())["spec"]["endpoints"]
    ]
    if ingress := manifests.get("Ingress"):
        (path,) = ingress["spec"]["rules"][0]["http"]["paths"]
        for_service.append(path["backend"]["service"]["port"]["name"])
    assert set(for_service) <= {offered["name"]}


def _none() -> dict[str, Any]:
    return {"spec": {"endpoints": []}}


@with_helm
def test_probes(manifests: dict[str, dict[str, Any]]) -> None:
    """The kubelet asks the pages that are made for it, which answer everyone."""
    container = container_of(manifests)
    for name, path in (("startup", "live"), ("liveness", "live"), ("readiness", "ready")):
        assert container[f"{name}Probe"]["httpGet"]["path"] == f"/__admin/{path}"


@with_helm
def test_the_environment_is_one_of_settings(manifests: dict[str, dict[str, Any]]) -> None:
    """Every variable is that of a setting, with a value that it takes."""
    given = {
        name.removeprefix(ENVIRONMENT_PREFIX).lower(): value
        for name, value in environment_of(manifests).items()
        if name != "PGSSLROOTCERT"
    }
    assert given.keys() <= Settings.model_fields.keys()
    Settings(**{name: value for name, value in given.items() if name in Settings.model_fields})


@with_helm
def test_values_become_settings() -> None:
    """Numbers, large ones too, and switches arrive as they were written; the public URL is the Ingress's."""
    environment = environment_of(render(FULL))
    assert environment["AUDIENCE_MOCK_MAX_UPLOAD_BYTES"] == str(2 << 30)
    assert environment["AUDIENCE_MOCK_MATCH_RATE"] == "0.5"
    assert environment["AUDIENCE_MOCK_REDACT_USERS"] == "true"
    assert environment["AUDIENCE_MOCK_METRICS"] == "true"
    assert environment["AUDIENCE_MOCK_PUBLIC_URL"] == "https://sandbox.example.com/mock"
    assert environment_of(render(EXISTING))["AUDIENCE_MOCK_PUBLIC_URL"] == "https://elsewhere/mock"
    assert "AUDIENCE_MOCK_PUBLIC_URL" not in environment_of(render(MINIMAL))
    plain = {"ingress": {"enabled": True, "host": "sandbox"}}
    assert environment_of(render(plain))["AUDIENCE_MOCK_PUBLIC_URL"] == "http://sandbox"


@with_helm
def test_files_are_mounted_where_settings_look(manifests: dict[str, dict[str, Any]]) -> None:
    """Each file that a setting names lies in a mount, whole folders, so that changes of a Secret arrive; each
    mount has its volume, and only data and /tmp are writable."""
    pod = manifests["Deployment"]["spec"]["template"]["spec"]
    container = container_of(manifests)
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    assert {mount["name"] for mount in mounts.values()} == {volume["name"] for volume in pod["volumes"]}
    assert not any("subPath" in mount for mount in mounts.values())
    files = [value for value in environment_of(manifests).values() if re.search(r"(^|:///)/", value)]
    for file in files:
        folder = str(Path(re.sub("^sqlite:///", "", file)).parent)
        assert folder in mounts, file
    assert {path for path, mount in mounts.items() if not mount.get("readOnly")} <= {"/data", "/tmp"}


@with_helm
def test_one_process_that_ends_before_the_next(manifests: dict[str, dict[str, Any]]) -> None:
    """A SQLite database has one process: one replica, and no second one during an upgrade. Over PostgreSQL, a
    new one is ready before an old one ends. Each has time to drain."""
    deployment = manifests["Deployment"]["spec"]
    if environment_of(manifests)["AUDIENCE_MOCK_DATABASE"].startswith("sqlite"):
        assert deployment["replicas"] == 1
        assert deployment["strategy"] == {"type": "Recreate"}
    else:
        assert deployment["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    drain_s = float(environment_of(manifests)["AUDIENCE_MOCK_DRAIN_S"])
    assert deployment["template"]["spec"]["terminationGracePeriodSeconds"] > drain_s


@with_helm
def test_the_claim_is_kept() -> None:
    """Data outlives the release; in memory there is no claim, and an existing one is used as it is."""
    made = render(FULL)["PersistentVolumeClaim"]
    assert made["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert made["spec"]["storageClassName"] == "fast"
    assert "PersistentVolumeClaim" not in render(IN_MEMORY)
    assert environment_of(render(IN_MEMORY))["AUDIENCE_MOCK_DATABASE"] == "sqlite://"
    existing = render(EXISTING)
    assert "PersistentVolumeClaim" not in existing
    volumes = existing["Deployment"]["spec"]["template"]["spec"]["volumes"]
    assert {"name": "data", "persistentVolumeClaim": {"claimName": "mine"}} in volumes


@with_helm
def test_replicas_share_a_database() -> None:
    """They have no volume and no URL in plain sight, are spread over nodes, and one at most may be taken away
    at a time; one replica alone has no budget, which would stop each drain of its node."""
    made = render(REPLICAS)
    assert made["Deployment"]["spec"]["replicas"] == 3
    assert "PersistentVolumeClaim" not in made
    (database,) = (each for each in container_of(made)["env"] if each["name"] == "AUDIENCE_MOCK_DATABASE")
    assert database["valueFrom"]["secretKeyRef"] == {"name": "database", "key": "url"}
    (spread,) = made["Deployment"]["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert spread["whenUnsatisfiable"] == "ScheduleAnyway"
    assert made["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1
    assert made["NetworkPolicy"]["spec"]["egress"][0]["to"] == [{"ipBlock": {"cidr": "10.0.0.0/8"}}]
    one = render(SHARED)
    assert not one.keys() & {"PersistentVolumeClaim", "PodDisruptionBudget", "Job"}
    (database,) = (each for each in container_of(one)["env"] if each["name"] == "AUDIENCE_MOCK_DATABASE")
    assert database["valueFrom"]["secretKeyRef"]["key"] == "uri"


@with_helm
def test_the_migration_runs_first() -> None:
    """Before each installation and upgrade a Job of the same image runs a command that exists, as the owner,
    with the rights of the server's pod and the same certificate authority."""
    made = render(REPLICAS)
    job, pod = made["Job"], made["Job"]["spec"]["template"]["spec"]
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    (migrating,) = pod["containers"]
    serving = container_of(made)
    assert migrating["image"] == serving["image"]
    assert migrating["securityContext"] == serving["securityContext"]
    assert pod["securityContext"] == made["Deployment"]["spec"]["template"]["spec"]["securityContext"]
    assert pod["nodeSelector"] == REPLICAS["nodeSelector"]
    url, authority = migrating["env"]
    assert url["valueFrom"]["secretKeyRef"] == {"name": "database-owner", "key": "url"}
    assert authority in serving["env"]
    assert str(Path(authority["value"]).parent) in {mount["mountPath"] for mount in migrating["volumeMounts"]}
    assert {mount["name"] for mount in migrating["volumeMounts"]} == {each["name"] for each in pod["volumes"]}
    name, given = read_command_line(migrating["args"])
    assert name == "migrate"
    assert given["database"] == f"$({url['name']})"
    assert given["serving_role"] == "mock_serving"


@with_helm
def test_nothing_to_gain(manifests: dict[str, dict[str, Any]]) -> None:
    """The pod passes Kubernetes' restricted standard, as the image's user, with a read-only root."""
    pod = manifests["Deployment"]["spec"]["template"]["spec"]
    (user,) = re.findall(r"^USER (\d+):\1$", (TOP / "Dockerfile").read_text(), flags=re.MULTILINE)
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": int(user),
        "runAsGroup": int(user),
        "fsGroup": int(user),
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert container_of(manifests)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container_of(manifests)["resources"]["limits"]["memory"]


@with_helm
@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"settings": {"auth_mod": "strict"}}, "auth_mod"),
        ({"settings": {"database": "postgresql://db/mock"}}, "database"),
        ({"settings": {"admin_token": "in-the-values"}}, "admin_token"),
        ({"database": "postgres"}, "database"),
        ({"replicas": 2}, "postgresql.secret"),
        ({"replicas": 0}, "replicas"),
        ({"postgresql": {"url": "postgresql://in-the-values"}}, "url"),
        ({"postgresql": {"migrate": {"secret": "owner"}}}, "postgresql.secret"),
        ({"postgresql": {"secret": "d", "migrate": {"secret": "o", "servingRole": "a b"}}}, "servingRole"),
        ({"persistence": {"accessMode": "ReadWriteMany"}}, "accessMode"),
        ({"tenants": {"secret": "t"}}, "adminTokens.secret"),
        ({"ingress": {"enabled": True}}, "ingress.host"),
        ({"metrics": {"serviceMonitor": {"enabled": True, "tokenSecret": {"name": "t"}}}}, "metrics.enabled"),
        ({"metrics": {"enabled": True, "serviceMonitor": {"enabled": True}}}, "tokenSecret.name"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_mistakes_end_the_installation(values: dict[str, Any], says: str) -> None:
    """A value that has no effect, or would break the server, is rejected by a message that names it."""
    rendered = helm("template", "team", str(CHART), values=values)
    assert rendered.returncode != 0
    assert says in rendered.stderr


def test_the_chart_is_of_this_version() -> None:
    """The image of the chart is that of this checkout's version."""
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == __version__


def test_every_value_is_in_the_schema() -> None:
    """values.yaml has every value that the schema knows, so that it is the list of them."""

    def paths(schema: dict[str, Any], at: str = "") -> Iterator[str]:
        for name, below in schema.get("properties", {}).items():
            yield f"{at}{name}"
            yield from paths(below, f"{at}{name}.")

    def keys(values: dict[str, Any], at: str = "") -> Iterator[str]:
        for name, below in values.items():
            yield f"{at}{name}"
            if isinstance(below, dict):
                yield from keys(below, f"{at}{name}.")

    schema = json.loads((CHART / "values.schema.json").read_text())
    values = set(keys(yaml.safe_load((CHART / "values.yaml").read_text())))
    free = {path for path in values if path.startswith("resources.")}
    assert set(paths(schema)) - {"global"} == values - free
