"""The registry end point as ECR has it: logins, names, the order of refusals, rights request by request."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from ecrlab.home import LOOKING

HOST = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
APP = "arn:aws:ecr:us-east-1:123456789012:repository/app"


class Http:
    """Plain HTTP to a registry port as a profile."""

    def __init__(
        self, lab: Any, profile: str | None = "admin", region: str = "us-east-1", port: int | None = None
    ) -> None:
        self.base = f"http://127.0.0.1:{port or lab.port}/v2/"
        self.session = requests.Session()
        self.session.trust_env = False
        if profile:
            data = lab.client("ecr", profile, region).get_authorization_token()["authorizationData"][0]
            self.session.headers["Authorization"] = "Basic " + data["authorizationToken"]

    def __call__(self, method: str, path: str, **more: Any) -> requests.Response:
        return self.session.request(method, self.base + path, timeout=20, **more)

    def push(self, repository: str, tag: str, content: bytes = b"layer") -> requests.Response:
        """Push an image with one layer; return the first answer that is not as it should be, or the last."""
        config = b"{}"
        for blob in (content, config):
            start = self("POST", f"{repository}/blobs/uploads/")
            if start.status_code != 202:
                return start
            location = start.headers["Location"].removeprefix("/v2/")
            done = self("PUT", f"{location}?digest={digest(blob)}", data=blob)
            if done.status_code != 201:
                return done
        media = "application/vnd.oci.image.manifest.v1+json"
        document = {
            "schemaVersion": 2,
            "mediaType": media,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(config), "size": 2},
            "layers": [
                {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest(content), "size": len(content)}
            ],
        }
        return self("PUT", f"{repository}/manifests/{tag}", data=json.dumps(document), headers={"Content-Type": media})


def digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def said(answer: requests.Response) -> tuple[int, str, str]:
    [error] = answer.json()["errors"]
    return answer.status_code, error["code"], error["message"]


@pytest.fixture
def http(lab: Any) -> Iterator[Http]:
    lab.repository("app")
    client = Http(lab)
    yield client
    client.session.close()


def test_without_a_login_there_is_a_basic_challenge(lab: Any) -> None:
    answer = Http(lab, None)("GET", "")
    assert answer.status_code == 401
    assert (
        answer.headers["Www-Authenticate"] == f'Basic realm="http://127.0.0.1:{lab.port}/",service="ecr.amazonaws.com"'
    )
    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


@pytest.mark.parametrize(
    "header", ["Basic", "Basic %%%", "Bearer x", "Basic QVdTOndyb25n", "Basic " + base64.b64encode(b"root:x").decode()]
)
def test_wrong_logins(lab: Any, header: str) -> None:
    client = Http(lab, None)
    client.session.headers["Authorization"] = header
    assert client("GET", "").status_code == 401


def test_a_changed_password_is_not_a_password(http: Http) -> None:
    kind, token = http.session.headers["Authorization"].split(" ")
    body = json.loads(base64.b64decode(base64.b64decode(token).decode().split(":")[1]))
    fields = json.loads(base64.b64decode(body["payload"]))
    fields[2] = "root"
    body["payload"] = base64.b64encode(json.dumps(fields).encode()).decode()
    forged = base64.b64encode(b"AWS:" + base64.b64encode(json.dumps(body).encode())).decode()
    assert http("GET", "").status_code == 200
    http.session.headers["Authorization"] = f"{kind} {forged}"
    assert http("GET", "").status_code == 401


def test_who_before_what_before_may(lab: Any) -> None:
    anonymous, ci = Http(lab, None), Http(lab, "ci")
    assert anonymous("GET", "nowhere/manifests/x").status_code == 401
    missing = "The repository with name 'nowhere' does not exist in the registry with id '123456789012'"
    assert said(ci("POST", "nowhere/blobs/uploads/")) == (404, "NAME_UNKNOWN", missing)
    lab.repository("app")
    assert said(ci("POST", "app/blobs/uploads/"))[:2] == (403, "DENIED")


def test_both_forms_of_a_name(lab: Any, http: Http) -> None:
    assert http.push(f"{HOST}/app", "v1").status_code == 201
    bare = http("GET", "app/manifests/v1")
    full = http("GET", f"{HOST}/app/manifests/v1")
    assert bare.content == full.content
    assert http("GET", f"{HOST}/app/tags/list").json() == {"name": f"{HOST}/app", "tags": ["v1"]}
    dual = "123456789012.dkr-ecr.us-east-1.on.aws"
    assert http("GET", f"{dual}/app/manifests/v1").status_code == 200
    other = http("GET", "444455556666.dkr.ecr.us-east-1.amazonaws.com/app/manifests/v1")
    assert other.status_code == 404
    assert "This port is the registry 123456789012.dkr.ecr.us-east-1.amazonaws.com" in said(other)[2]


def test_missing_images_have_ecrs_text(http: Http) -> None:
    assert said(http("GET", "app/manifests/nope")) == (404, "MANIFEST_UNKNOWN", "Requested image not found")
    head = http("HEAD", "app/manifests/nope")
    assert (head.status_code, head.content) == (404, b"")


def test_a_password_lasts_twelve_hours_of_lab_time(lab: Any, http: Http) -> None:
    lab.control.advance(12 * 3600 - 60)
    assert http("GET", "").status_code == 200
    lab.control.advance(61)
    text = "Your authorization token has expired. Reauthenticate and try again."
    for path in ("", "app/tags/list", "nowhere/tags/list"):
        assert said(http("GET", path)) == (403, "DENIED", text)


def test_a_password_is_good_in_its_region_only_but_for_every_account(lab: Any, http: Http) -> None:
    europe = lab.control.registry("123456789012", "eu-west-1")["port"]
    partner = lab.control.registry("444455556666", "us-east-1")["port"]
    login = http.session.headers["Authorization"]
    for port, status in ((europe, 401), (partner, 200)):
        client = Http(lab, None, port=port)
        client.session.headers["Authorization"] = login
        assert client("GET", "").status_code == status
    assert Http(lab, "admin", "eu-west-1", europe)("GET", "").status_code == 200


def test_layers_come_from_a_signed_address(lab: Any, http: Http) -> None:
    http.push("app", "v1", b"content")
    answer = http("GET", f"app/blobs/{digest(b'content')}", allow_redirects=False)
    assert answer.status_code == 307
    location = f"http://127.0.0.1:{lab.port}" + answer.headers["Location"]
    assert "/_blobs/" in location
    anonymous = requests.get(location, timeout=10)
    assert anonymous.content == b"content"
    # skopeo and podman send the registry's Authorization there too: it must be ignored.
    assert requests.get(location, headers={"Authorization": "Basic nonsense"}, timeout=10).content == b"content"
    part = requests.get(location, headers={"Range": "bytes=3-"}, timeout=10)
    assert (part.status_code, part.content) == (206, b"tent")
    for wrong in (location.replace("X-Amz-Expires=1", "X-Amz-Expires=2"), location[:-1], location.split("?")[0]):
        assert requests.get(wrong, timeout=10).status_code == 403


STEPS = {
    "ecr:InitiateLayerUpload": "POST",
    "ecr:CompleteLayerUpload": "PUT",
    "ecr:PutImage": "PUT",
}
PUSH = ("ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage")


@pytest.mark.parametrize("missing", STEPS)
def test_each_step_of_a_push_needs_its_action(lab: Any, missing: str) -> None:
    lab.repository("app")
    lab.allow("ci", *(action for action in PUSH if action != missing), resource=APP)
    answer = Http(lab, "ci").push("app", "v1")
    assert said(answer) == (
        403,
        "DENIED",
        f"User: arn:aws:iam::123456789012:user/ci is not authorized to perform: {missing} on resource: {APP} "
        f"because no identity-based policy allows the {missing} action",
    )
    assert answer.request.method == STEPS[missing]
    assert lab.client("ecr").list_images(repositoryName="app")["imageIds"] == []
    lab.allow("ci", *PUSH, resource=APP)
    assert Http(lab, "ci").push("app", "v1").status_code == 201


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("HEAD", "app/manifests/v1", "ecr:BatchGetImage"),
        ("GET", "app/manifests/v1", "ecr:BatchGetImage"),
        ("HEAD", f"app/blobs/{digest(b'layer')}", "ecr:BatchCheckLayerAvailability"),
        ("GET", f"app/blobs/{digest(b'layer')}", "ecr:GetDownloadUrlForLayer"),
        ("GET", "app/tags/list", "ecr:ListImages"),
        ("GET", f"app/referrers/{digest(b'x')}", "ecr:BatchGetImage"),
        ("DELETE", "app/manifests/v1", "ecr:BatchDeleteImage"),
        ("POST", f"app/blobs/uploads/?digest={digest(b'z')}", "ecr:InitiateLayerUpload"),
    ],
)
def test_each_request_needs_its_action(lab: Any, http: Http, method: str, path: str, action: str) -> None:
    http.push("app", "v1")
    lab.client("iam").put_user_policy(
        UserName="admin",
        PolicyName="deny",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": action, "Resource": APP}]}
        ),
    )
    answer = http(method, path)
    row = lab.control.xray(lab.control.xray()["last"] - 1)["rows"][0]
    lab.client("iam").delete_user_policy(UserName="admin", PolicyName="deny")
    assert answer.status_code == 403
    assert (row["action"], row["resource"], row["decision"], row["service"]) == (action, APP, "denied", "registry")
    if method == "HEAD":
        assert answer.content == b""
    else:
        assert said(answer)[2].endswith("with an explicit deny in an identity-based policy")
    assert http(method, path, data=b"z" if method == "POST" else None).status_code in (200, 201, 202)


def test_rights_are_read_at_each_request(lab: Any) -> None:
    lab.repository("app")
    ci = Http(lab, "ci")
    assert ci("POST", "app/blobs/uploads/").status_code == 403
    lab.allow("ci", "ecr:InitiateLayerUpload")
    assert ci("POST", "app/blobs/uploads/").status_code == 202
    lab.client("iam").delete_user_policy(UserName="ci", PolicyName="test")
    assert ci("POST", "app/blobs/uploads/").status_code == 403


def test_a_deleted_user_keeps_a_password_that_opens_nothing(lab: Any) -> None:
    lab.repository("app")
    iam = lab.client("iam")
    iam.create_user(UserName="leaver")
    iam.attach_user_policy(UserName="leaver", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    key = iam.create_access_key(UserName="leaver")["AccessKey"]
    client = Http(lab, None)
    ecr = lab.client_with("ecr", key["AccessKeyId"], key["SecretAccessKey"])
    client.session.headers["Authorization"] = (
        "Basic " + ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    )
    assert client("GET", "app/tags/list").status_code == 200
    iam.delete_access_key(UserName="leaver", AccessKeyId=key["AccessKeyId"])
    iam.detach_user_policy(UserName="leaver", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    iam.delete_user(UserName="leaver")
    iam.create_user(UserName="leaver")  # a namesake is somebody else
    iam.attach_user_policy(UserName="leaver", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    assert "user/leaver is not authorized to perform: ecr:ListImages" in said(client("GET", "app/tags/list"))[2]


def test_mounting_is_off_until_the_account_turns_it_on(lab: Any, http: Http) -> None:
    http.push("app", "v1", b"shared")
    lab.repository("copy")
    path = f"copy/blobs/uploads/?mount={digest(b'shared')}&from=app"
    assert http("POST", path).status_code == 202
    lab.client("ecr").put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    assert http("POST", path).status_code == 201
    lab.repository("third")
    lab.allow("ci", "ecr:InitiateLayerUpload")
    ci = Http(lab, "ci")
    assert ci("POST", path.replace("copy/", "third/")).status_code == 201
    lab.client("iam").detach_user_policy(
        UserName="ci", PolicyArn="arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"
    )
    lab.repository("fourth")
    assert ci("POST", path.replace("copy/", "fourth/")).status_code == 202


def test_pull_times_and_immutable_tags(lab: Any, http: Http) -> None:
    http.push("app", "v1")
    ecr = lab.client("ecr")

    def pulled() -> Any:
        return ecr.describe_images(repositoryName="app")["imageDetails"][0].get("lastRecordedPullTime")

    assert pulled() is None
    # A check of the course looks; nobody pulled.
    http("GET", "app/manifests/v1", headers={"User-Agent": f"python {LOOKING}"})
    lab.client("ecr", user_agent_extra=LOOKING).batch_get_image(repositoryName="app", imageIds=[{"imageTag": "v1"}])
    assert pulled() is None
    http("GET", "app/manifests/v1")
    first = pulled()
    assert first is not None
    lab.control.advance(3600)
    http("GET", "app/manifests/v1")
    assert pulled() == first
    lab.control.advance(23 * 3600)
    http = Http(lab)
    http("GET", "app/manifests/v1")
    assert pulled() > first
    ecr.put_image_tag_mutability(repositoryName="app", imageTagMutability="IMMUTABLE")
    assert http.push("app", "v1").status_code == 201  # the same image again is not a move
    status, code, text = said(http.push("app", "v1", b"another"))
    assert (status, code) == (400, "TAG_INVALID")
    assert text.endswith("cannot be overwritten because the tag is immutable.")


def test_deleting_over_the_registry(lab: Any, http: Http) -> None:
    http.push("app", "v1")
    assert said(http("DELETE", f"app/blobs/{digest(b'layer')}"))[:2] == (405, "UNSUPPORTED")
    assert http("GET", "_catalog").json() == {"repositories": ["app"]}
    assert http("DELETE", "app/manifests/v1").status_code == 202
    assert http("GET", "app/tags/list").json()["tags"] == []
