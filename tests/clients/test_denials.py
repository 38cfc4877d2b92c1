"""A push or a pull with one permission missing: what the registry answers, and how much of it each client shows.

The texts that the clients print are recorded in denials.toml (ECRLAB_RECORD=1 writes them). An answer to HEAD has
no body, so a client that asks by HEAD first cannot say what is missing.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

APP = "$REGISTRY/my-web-app"
NAME = "123456789012.dkr.ecr.us-east-1.amazonaws.com/my-web-app"
ARN = "arn:aws:ecr:us-east-1:123456789012:repository/my-web-app"
USER = "arn:aws:iam::123456789012:user/ops"
PULL_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"

# The push and pull table of facts ecr.md 8.2.
PUSH = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
    "ecr:BatchGetImage",
)
PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
CLIENTS = ("docker", "ctr", "skopeo")
RECORDED = Path(__file__).parent / "denials.toml"


def allow_all_but(lab: Any, missing: str) -> None:
    """Give the user ops every right of the table on the repository, but one."""
    iam = lab.client("iam")
    attached = iam.list_attached_user_policies(UserName="ops")["AttachedPolicies"]
    if attached:
        iam.detach_user_policy(UserName="ops", PolicyArn=PULL_ONLY)
    actions = sorted({*PUSH, *PULL, "ecr:ListImages"} - {missing})
    statements = [{"Effect": "Allow", "Action": actions, "Resource": ARN}]
    if missing != "ecr:GetAuthorizationToken":
        statements.append({"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"})
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_user_policy(UserName="ops", PolicyName="nearly-all", PolicyDocument=document)


def sentence(action: str, resource: str = ARN) -> str:
    why = f"because no identity-based policy allows the {action} action"
    return f"User: {USER} is not authorized to perform: {action} on resource: {resource} {why}"


def tags(lab: Any) -> list[str]:
    found = lab.client("ecr").list_images(repositoryName="my-web-app")["imageIds"]
    return sorted(image["imageTag"] for image in found if "imageTag" in image)


# ------------------------------------------------------------------------------------------------------------ over HTTP


class Http:
    """The registry's requests, one by one, as a profile."""

    def __init__(self, lab: Any, profile: str) -> None:
        data = lab.client("ecr", profile).get_authorization_token()["authorizationData"][0]
        self.session = requests.Session()
        self.session.trust_env = False
        user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
        self.session.auth = (user, password)
        self.base = f"http://127.0.0.1:{lab.port}"

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        where = path if path.startswith("/v2/") else f"/v2/{NAME}/{path}"
        return self.session.request(method, self.base + where, allow_redirects=False, **more)

    def upload(self, content: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        location = self.ask("POST", "blobs/uploads/").headers["Location"]
        self.ask("PATCH", location, data=content).raise_for_status()
        self.ask("PUT", f"{location}?digest={digest}").raise_for_status()
        return digest

    def push(self, tag: str, content: bytes) -> tuple[str, str]:
        """Push an image; return the digests of its layer and of its manifest."""
        config, layer = self.upload(b"{}"), self.upload(content)
        body = manifest(config, layer, len(content))
        media_type = "application/vnd.oci.image.manifest.v1+json"
        answer = self.ask("PUT", f"manifests/{tag}", data=body, headers={"Content-Type": media_type})
        answer.raise_for_status()
        return layer, answer.headers["Docker-Content-Digest"]


def manifest(config: str, layer: str, size: int) -> bytes:
    kind = "application/vnd.oci.image"
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": f"{kind}.manifest.v1+json",
            "config": {"mediaType": f"{kind}.config.v1+json", "digest": config, "size": 2},
            "layers": [{"mediaType": f"{kind}.layer.v1.tar", "digest": layer, "size": size}],
        }
    ).encode()


@pytest.mark.parametrize("missing", [*PUSH, "ecr:GetDownloadUrlForLayer"])
def test_each_request_is_refused_for_want_of_its_own_permission(lab: Any, missing: str) -> None:
    lab.repository("my-web-app")
    admin, layer_bytes = Http(lab, "admin"), b"a layer"
    layer, image = admin.push("there", layer_bytes)
    begun = admin.ask("POST", "blobs/uploads/").headers["Location"]
    written = admin.ask("POST", "blobs/uploads/").headers["Location"]
    admin.ask("PATCH", written, data=b"more").raise_for_status()
    more = f"sha256:{hashlib.sha256(b'more').hexdigest()}"
    body = manifest(f"sha256:{hashlib.sha256(b'{}').hexdigest()}", layer, len(layer_bytes))
    typed = {"Content-Type": "application/vnd.oci.image.manifest.v1+json"}
    allow_all_but(lab, missing)
    ops = Http(lab, "ops")
    # Every request of the table, in the order of a push and a pull, with the permission it needs and its success.
    whole, last = b"in one request", f"sha256:{hashlib.sha256(b'in one request').hexdigest()}"
    empty = admin.ask("POST", "blobs/uploads/").headers["Location"]
    table: list[tuple[str, str, str, int, dict[str, Any]]] = [
        ("ecr:BatchCheckLayerAvailability", "HEAD", f"blobs/{layer}", 200, {}),
        ("ecr:InitiateLayerUpload", "POST", "blobs/uploads/", 202, {}),
        ("ecr:UploadLayerPart", "PATCH", begun, 202, {"data": b"x"}),
        ("ecr:CompleteLayerUpload", "PUT", f"{written}?digest={more}", 201, {}),
        # containerd sends a layer with the request that ends the upload.
        ("ecr:UploadLayerPart", "PUT", f"{empty}?digest={last}", 201, {"data": whole}),
        ("ecr:PutImage", "PUT", "manifests/new", 201, {"data": body, "headers": typed}),
        ("ecr:BatchGetImage", "HEAD", "manifests/there", 200, {}),
        ("ecr:BatchGetImage", "GET", f"manifests/{image}", 200, {}),
        ("ecr:GetDownloadUrlForLayer", "GET", f"blobs/{layer}", 307, {}),
    ]
    for action, method, path, success, params in table:
        answer = ops.ask(method, path, **params)
        if action != missing and not (path.startswith(empty) and missing == "ecr:CompleteLayerUpload"):
            assert answer.status_code == success, (method, path, answer.text)
            continue
        assert answer.status_code == 403
        if method == "HEAD":
            assert answer.content == b""
        else:
            assert answer.json() == {"errors": [{"code": "DENIED", "message": sentence(missing)}]}
    assert tags(lab) == (["there"] if missing == "ecr:PutImage" else ["new", "there"])
    # GET /v2/, which a login checks, needs none of them.
    assert ops.ask("GET", "/v2/").status_code == 200


def test_without_a_token_there_is_no_password(lab: Any) -> None:
    allow_all_but(lab, "ecr:GetAuthorizationToken")
    with pytest.raises(lab.client("ecr", "ops").exceptions.ClientError) as caught:
        lab.client("ecr", "ops").get_authorization_token()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert caught.value.response["Error"] == {
        "Code": "AccessDeniedException",
        "Message": sentence("ecr:GetAuthorizationToken", "*"),
    }


# ----------------------------------------------------------------------------------------------------- what clients say


def plain(output: str) -> str:
    """What a client printed, without progress, times, ids and ports."""
    output = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", output).replace("\r", "\n")
    output = re.sub(r'time="[^"]*"', "time=…", output)
    output = re.sub(r"sha256:[0-9a-f]{64}", "sha256:…", output)
    # containerd sends layers and configuration side by side: either may be the first to fail.
    output = re.sub(r'"(?:config|layer)-sha256', '"…-sha256', output)
    output = re.sub(r"localhost:\d+", "localhost:PORT", output)
    output = re.sub(r"uploads/[0-9A-Za-z_=-]+(\?[^\s\":]*)?", "uploads/…", output)
    output = re.sub(r"\?digest=sha256[^\s\":]*", "?digest=…", output)
    lines = [line.rstrip() for line in output.splitlines() if line.strip()]
    telling = [
        line for line in lines if re.search(r"denied|not authorized|error|fatal|403|401|level=", line, re.IGNORECASE)
    ]
    kept = list(dict.fromkeys(telling or lines[-1:]))
    return "\n".join(kept)


def recorded(client: str, verb: str, missing: str) -> str:
    found = tomllib.loads(RECORDED.read_text(encoding="utf-8"))
    return str(found[client][f"{verb} without {missing.removeprefix('ecr:')}"])


def hold(client: str, verb: str, missing: str, output: str) -> None:
    """Compare with the record, or write it."""
    said = plain(output)
    if not os.environ.get("ECRLAB_RECORD"):
        assert said == recorded(client, verb, missing)
        return
    known: dict[str, dict[str, str]] = tomllib.loads(RECORDED.read_text(encoding="utf-8")) if RECORDED.exists() else {}
    known.setdefault(client, {})[f"{verb} without {missing.removeprefix('ecr:')}"] = said
    lines = ["# What clients print when one permission is missing; recorded by test_denials.py with ECRLAB_RECORD=1."]
    for name in sorted(known):
        lines += ["", f"[{name}]"]
        lines += [f"\"{case}\" = '''\n{text}'''" for case, text in sorted(known[name].items())]
    RECORDED.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def run(sh: Any, engine: Any, image: Callable[..., str], lab: Any, tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Return a function that pushes or pulls as the user ops with one of the clients."""
    lab.repository("my-web-app")
    lab.repository("elsewhere")
    socket = str(engine.host).removeprefix("unix://").replace("docker.sock", "containerd.sock")
    ctr = f"ctr --address {socket} --namespace ecrlab-denials images"
    login = '"AWS:$(aws ecr get-login-password)"'

    def go(client: str, verb: str, missing: str) -> tuple[int, str]:
        if client != "docker" and shutil.which(client) is None:
            pytest.skip(f"{client} is not installed")
        made = image(f"{client} {verb} {missing}".encode(), "made:1")
        archive = tmp_path / "image.tar"
        if verb == "pull":
            sh.login()
            sh.good(f"docker tag {made} {APP}:v1 && docker push {APP}:v1 && docker rmi {APP}:v1 {made}")
        elif client == "docker":
            sh.good(f"docker tag {made} {APP}:v1")
        else:
            sh.good(f"docker tag {made} {APP}:v1 && docker save {APP}:v1 -o {archive}")
        if client == "docker":
            sh.login("ops")
        elif client == "ctr" and verb == "push":
            sh.good(f"{ctr} import {archive}")
        allow_all_but(lab, missing)
        commands = {
            ("docker", "push"): f"docker push {APP}:v1",
            ("docker", "pull"): f"docker pull {APP}:v1",
            ("ctr", "push"): f"{ctr} push --plain-http --user {login} {APP}:v1",
            ("ctr", "pull"): f"{ctr} pull --plain-http --user {login} {APP}:v1",
            ("skopeo", "push"): f"skopeo copy --dest-tls-verify=false --dest-creds {login} docker-archive:{archive} "
            f"docker://{APP}:v1",
            ("skopeo", "pull"): f"skopeo copy --src-tls-verify=false --src-creds {login} docker://{APP}:v1 "
            f"oci:{tmp_path}/copy:v1",
        }
        try:
            status, output = sh(commands[client, verb], "ops")
        finally:
            sh(f"docker rmi {APP}:v1 {made}")
            if client == "ctr":
                sh(f"{ctr} rm {APP}:v1")
        return int(status), str(output)

    return go


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("missing", PUSH)
def test_what_a_refused_push_prints(run: Callable[..., tuple[int, str]], lab: Any, client: str, missing: str) -> None:
    before = lab.control.xray()["last"]
    status, output = run(client, "push", missing)
    rows = [row for row in lab.control.xray(before, limit=1000)["rows"] if row["principal"] == USER]
    denied = [row for row in rows if row["decision"] == "denied"]
    assert {row["action"] for row in denied} <= {missing}
    if status == 0:
        # This client does without: it never asks, or takes the refusal for an absence.
        assert tags(lab) == ["v1"]
    else:
        assert denied
        assert tags(lab) == []
    hold(client, "push", missing, output if status else "pushed")


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("missing", PULL)
def test_what_a_refused_pull_prints(run: Callable[..., tuple[int, str]], lab: Any, client: str, missing: str) -> None:
    status, output = run(client, "pull", missing)
    assert status != 0
    hold(client, "pull", missing, output)
