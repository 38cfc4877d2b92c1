"""A class on Kubernetes: the learner's pod as KubeSpawner makes it from classroom/kubernetes, validated by the schema.

No cluster is asked, and none ever was. What the chart does with the values is repeated here in a few lines; with
ECRLAB_CHART (a folder or an archive of the chart zero-to-jupyterhub) and `helm`, the chart itself renders them, too.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import kubernetes_validate
import pytest
import yaml

from ecrlab_course import class_sizes as sizes
from ecrlab_course.authoring.content import course
from ecrlab_course.classroom.hub_gate import SCOPE, place
from ecrlab_course.classroom.pseudonyms import learner_id, secret_of, token_of
from ecrlab_course.classroom.spawners import BOARD_PATH
from ecrlab_course.sharing.consent import TOKEN, URL

FOLDER = course().root / "classroom" / "kubernetes"
VALUES = yaml.safe_load((FOLDER / "values.yaml").read_text())
THOUSAND = yaml.safe_load((FOLDER / "thousand.yaml").read_text())
OBJECTS = list(yaml.safe_load_all((FOLDER / "board.yaml").read_text()))
VERSION = "1.34"
KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: nowhere
contexts: [{name: nowhere, context: {cluster: nowhere, user: nobody}}]
clusters: [{name: nowhere, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: nobody, user: {}}]
"""


def valid(thing: dict[str, Any]) -> None:
    """Raise kubernetes_validate.ValidationError where Kubernetes would not take a thing, or does not know a field."""
    kubernetes_validate.validate(thing, VERSION, strict=True)


def merged(below: Any, above: Any) -> Any:
    """What helm makes of two files of values."""
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    return {**below, **{name: merged(below.get(name), value) for name, value in above.items()}}


async def pod_of(values: dict[str, Any]) -> dict[str, Any]:
    """Return a learner's pod: the chart's settings of KubeSpawner, and KubeSpawner's pod."""
    from kubernetes_asyncio.client import ApiClient
    from kubespawner import KubeSpawner

    one = values["singleuser"]
    storage = one["storage"]
    spawner = KubeSpawner(_mock=True)
    spawner.image = f"{one['image']['name']}:{one['image']['tag']}"
    spawner.image_pull_policy = one["image"]["pullPolicy"]
    spawner.cmd, spawner.default_url, spawner.start_timeout = one["cmd"], one["defaultUrl"], one["startTimeout"]
    spawner.uid, spawner.fs_gid = one["uid"], one["fsGid"]
    spawner.mem_guarantee, spawner.mem_limit = one["memory"]["guarantee"], one["memory"]["limit"]
    spawner.cpu_guarantee, spawner.cpu_limit = one["cpu"]["guarantee"], one["cpu"]["limit"]
    spawner.extra_resource_guarantees = one["extraResource"]["guarantees"]
    spawner.extra_resource_limits = one["extraResource"]["limits"]
    spawner.environment, spawner.init_containers = one["extraEnv"], one["initContainers"]
    spawner.extra_labels = {"hub.jupyter.org/network-access-hub": "true"}
    home = {"name": "home", "persistentVolumeClaim": {"claimName": storage["static"]["pvcName"]}}
    mount = {"name": "home", "mountPath": storage["homeMountPath"], "subPath": storage["static"]["subPath"]}
    spawner.volumes = [home, *storage["extraVolumes"]]
    spawner.volume_mounts = [mount, *storage["extraVolumeMounts"]]
    for name, value in values["hub"]["config"]["KubeSpawner"].items():
        setattr(spawner, name, value)
    manifest = await spawner.get_pod_manifest()
    async with ApiClient() as api:
        found: dict[str, Any] = api.sanitize_for_serialization(manifest)
    return found


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kubeconfig that leads to no cluster: KubeSpawner reads one, and asks nobody."""
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    monkeypatch.setattr(
        "kubernetes_asyncio.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "kubeconfig")
    )
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


async def test_the_learner_s_pod_is_one_that_kubernetes_takes_and_has_no_power(nowhere: None) -> None:
    pod = await pod_of(merged(VALUES, THOUSAND))
    valid(pod)
    spec = pod["spec"]
    assert spec["automountServiceAccountToken"] is False
    (learner,) = spec["containers"]
    assert learner["args"][:2] == ["ecrlab_course", "singleuser"]
    safe = {
        "runAsUser": 10001, "runAsNonRoot": True, "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"},
    }  # fmt: skip
    assert learner["securityContext"] == safe
    assert {"cpu", "memory", "ephemeral-storage"} == set(learner["resources"]["limits"])
    # A folder each, and the same one for the container that gives it to the learner.
    (own,) = spec["initContainers"]
    folders = [each["subPath"] for one in (learner, own) for each in one["volumeMounts"] if each["name"] == "home"]
    assert len(folders) == 2
    assert folders[0] == folders[1]
    assert "mock" in folders[0], "the user's own name is in it"
    assert own["image"] == learner["image"]
    assert own["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["CHOWN"]}
    # What KubeSpawner would not refuse, the schema does.
    learner["resource"] = learner.pop("resources")
    with pytest.raises(kubernetes_validate.ValidationError):
        valid(pod)


async def test_the_lab_is_on_the_node_and_progress_on_the_volume(nowhere: None) -> None:
    pod = await pod_of(VALUES)
    (learner,) = pod["spec"]["containers"]
    kinds = {each["name"]: set(each) - {"name"} for each in pod["spec"]["volumes"]}
    mounts = {each["mountPath"]: kinds[each["name"]] for each in learner["volumeMounts"]}

    def disk(path: str) -> set[str]:
        return mounts[max((place for place in mounts if Path(path).is_relative_to(place)), key=len)]

    given = {each["name"]: each.get("value") for each in learner["env"]}
    assert disk(given["ECRLAB_HOME"]) == {"emptyDir"}
    assert disk(given["ECRLAB_PROGRESS"]) == disk(f"{given['HOME']}/work") == {"persistentVolumeClaim"}
    # Nothing lies over the course, and the user is the image's.
    image = (FOLDER.parent / "Dockerfile").read_text()
    for place_ in mounts:
        assert not Path("/srv/ecrlab").is_relative_to(place_)
    assert f"USER {VALUES['singleuser']['uid']}\n" in image
    assert f"--home-dir {given['HOME']} " in image


def test_what_a_pod_asks_for_is_what_was_measured() -> None:
    memory = VALUES["singleuser"]["memory"]
    assert memory["guarantee"] == f"{sizes.REQUEST_MB}M"
    assert sizes.LEARNER_MB < sizes.REQUEST_MB
    assert memory["limit"] == "1G"
    assert sizes.LEARNER_MB + sizes.KERNEL_MB <= sizes.REQUEST_MB, "two notebooks"
    assert sizes.LEARNER_MB + 6 * sizes.KERNEL_MB < 1024, "seven notebooks"
    assert VALUES["singleuser"]["cpu"]["guarantee"] == sizes.REQUEST_PROCESSORS
    for values, learners in ((VALUES, 300), (THOUSAND, 1000)):
        found = sizes.size_of(learners)
        assert values["scheduling"]["userPlaceholder"]["replicas"] == found.placeholders
        assert values["hub"]["activeServerLimit"] == learners + found.placeholders
        assert values["hub"]["concurrentSpawnLimit"] == sizes.starting(learners)
    # The sizes are for learners spread evenly, on nodes of their own; the page says how a node is labelled.
    assert VALUES["scheduling"]["userScheduler"] == {"enabled": False}
    assert VALUES["scheduling"]["userPods"]["nodeAffinity"] == {"matchNodePurpose": "require"}
    page = (course().root / "content" / "teaching.md").read_text()
    for purpose in ("user", "core"):
        assert f"hub.jupyter.org/node-purpose={purpose}" in page
    # A lunch break, and the time before and after it.
    assert VALUES["cull"]["timeout"] >= 90 * 60


def test_nobody_reaches_a_neighbour_or_the_internet() -> None:
    network = VALUES["singleuser"]["networkPolicy"]
    assert network["enabled"] is True
    assert not any(network["egressAllowRules"].values())
    # The chart's rules for port 53 stay: some clusters answer names at 169.254.x.
    assert {"privateIPs", "nonPrivateIPs", "cloudMetadataServer"} == set(network["egressAllowRules"])
    assert "ingress" not in network
    policy = {
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "learners"},
        "spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": network["egress"]},
    }  # fmt: skip
    valid(policy)
    assert [(each["to"], each["ports"]) for each in network["egress"]] == [
        ([{"podSelector": {"matchLabels": {"app": "board"}}}], [{"port": 8610, "protocol": "TCP"}])
    ]


def test_the_hub_s_tokens_are_the_board_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub's image has no course in it: the words in values.yaml do what pseudonyms.py does."""
    (tmp_path / "secret").write_text("5ec2e7")
    monkeypatch.setenv("ECRLAB_BOARD_SECRET", "5ec2e7")
    c = SimpleNamespace(KubeSpawner=SimpleNamespace(), JupyterHub=SimpleNamespace())
    exec(VALUES["hub"]["extraConfig"]["20-board"], {"c": c})
    spawner = SimpleNamespace(user=SimpleNamespace(name="ada"), environment=VALUES["singleuser"]["extraEnv"])
    c.KubeSpawner.pre_spawn_hook(spawner)
    secret = secret_of(tmp_path)
    assert spawner.environment[TOKEN] == token_of(secret, learner_id(secret, "ada"))
    assert TOKEN not in VALUES["singleuser"]["extraEnv"]
    board = VALUES["hub"]["services"]["board"]
    assert spawner.environment[URL] == board["url"] + BOARD_PATH
    assert board["oauth_redirect_uri"] == f"{BOARD_PATH}oauth_callback"
    assert list(c.JupyterHub.custom_scopes) == board["oauth_client_allowed_scopes"] == [SCOPE]
    assert SCOPE in VALUES["hub"]["loadRoles"]["instructor"]["scopes"]


@pytest.mark.parametrize("given", [True, False])
def test_a_folder_is_given_to_the_learner_only_where_it_is_another_s(given: bool, tmp_path: Path) -> None:
    """`chown` fails on storage that lets root change no owner, and such storage may have given the folder already."""
    (own,) = VALUES["singleuser"]["initContainers"]
    chown = tmp_path / "chown"
    chown.write_text('#!/bin/sh\necho "$@"\n')
    chown.chmod(0o755)
    mine = os.getuid() + 1 if given else os.getuid()
    script = own["command"][2].replace("/home/learner", str(tmp_path)).replace("= 10001", f"= {mine}")
    answer = subprocess.run(
        [*own["command"][:2], script],
        capture_output=True, text=True, check=True, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert answer.stdout == (f"10001:10001 {tmp_path}\n" if given else "")


def test_the_trial_in_the_comment_takes_the_place_of_the_lms() -> None:
    text = (FOLDER / "values.yaml").read_text()
    comment = re.search(r"(?m)^    # hub:\n(?:    # .*\n)+?    # proxy: .*$", text)
    assert comment is not None
    trial = merged(VALUES, yaml.safe_load(re.sub(r"(?m)^    # ", "", comment[0])))
    config = trial["hub"]["config"]
    assert config["JupyterHub"]["authenticator_class"] == "dummy"
    assert set(trial["hub"]["loadRoles"]["instructor"]["users"]) <= set(config["Authenticator"]["allowed_users"])
    assert trial["hub"]["loadRoles"]["instructor"]["scopes"] == VALUES["hub"]["loadRoles"]["instructor"]["scopes"]
    # No address in the world: http inside the cluster, reached by a forwarded port.
    assert (trial["proxy"]["https"]["enabled"], trial["proxy"]["service"]["type"]) == (False, "ClusterIP")


def by_kind(kind: str, name: str) -> dict[str, Any]:
    """An object of board.yaml."""
    (found,) = [each for each in OBJECTS if each["kind"] == kind and each["metadata"]["name"] == name]
    return found


def test_the_board_is_a_deployment_that_kubernetes_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    for each in OBJECTS:
        valid(each)
    deployment = by_kind("Deployment", "board")["spec"]
    pod = deployment["template"]
    (board,) = pod["spec"]["containers"]
    assert deployment["replicas"] == 1
    image = VALUES["singleuser"]["image"]
    assert board["image"] == f"{image['name']}:{image['tag']}"
    assert VALUES["singleuser"]["initContainers"][0]["image"] == board["image"]
    assert pod["metadata"]["labels"]["app"] == "board"
    assert by_kind("Service", "board")["spec"]["selector"] == {"app": "board"}
    assert (
        VALUES["singleuser"]["storage"]["static"]["pvcName"]
        == by_kind("PersistentVolumeClaim", "learners")["metadata"]["name"]
    )
    # The command line listens where the service leads, and keeps what it holds on the volume, with the Secret's secret.
    for each in board["env"]:
        monkeypatch.setenv(each["name"], each.get("value", "token"))
    assert place() == ("0.0.0.0", 8610, BOARD_PATH)
    assert board["ports"] == [{"containerPort": 8610}]
    folder = board["command"][board["command"].index("--folder") + 1]
    assert [each["mountPath"] for each in board["volumeMounts"]] == [folder, f"{folder}/secret"]


def test_the_commands_of_the_files_name_what_there_is() -> None:
    text = "".join(path.read_text() for path in FOLDER.glob("*.yaml"))
    named = set(re.findall(r"(?:classroom|tests|docs|src)/[\w./-]+\.\w+", text))
    assert len(named) >= 4
    assert [each for each in named if not (course().root / each).exists()] == []


@pytest.mark.parametrize("files", [("values.yaml",), ("values.yaml", "thousand.yaml")])
def test_the_chart_renders_the_values(files: tuple[str, ...]) -> None:
    """The chart is not in this repository; who has it names it. Helm holds its schema against the values."""
    chart = os.environ.get("ECRLAB_CHART")
    if not chart:
        pytest.skip("no chart: ECRLAB_CHART names none")
    if shutil.which("helm") is None:
        pytest.skip("helm is not installed")
    words = ["helm", "template", "hub", chart, "--namespace", "ecrlab", "--kube-version", f"v{VERSION}.0"]
    for name in files:
        words += ["--values", str(FOLDER / name)]
    answer = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert answer.returncode == 0, answer.stderr
    rendered = [each for each in yaml.safe_load_all(answer.stdout) if each]
    assert len(rendered) > 5
    for each in rendered:
        valid(each)
