"""ECR Public: its operations, and its registry, which anybody may pull from."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

OWN, PARTNER = "123456789012", "444455556666"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@pytest.fixture
def public(lab: Any) -> Any:
    return lab.client("ecr-public")


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def uri(public: Any, name: str = "web") -> str:
    """Make a repository; returns its address without the port."""
    found: str = public.create_repository(repositoryName=name)["repository"]["repositoryUri"]
    return found


class Client:
    """Speaks to the registry as docker does: a token first, with a login or without one."""

    def __init__(self, uri: str, login: str | None = None) -> None:
        self.host, _, self.name = uri.partition("/")
        self.login = login
        self.session = requests.Session()

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        url = path if path.startswith("http") else f"http://{self.host}{path}"
        return self.session.request(method, url, timeout=10, allow_redirects=False, **more)

    def token(self) -> requests.Response:
        challenge = self.ask("GET", "/v2/")
        assert challenge.status_code == 401
        assert challenge.headers["WWW-Authenticate"] == (
            f'Bearer realm="http://{self.host}/token/",service="public.ecr.aws",scope="aws"'
        )
        headers = {"Authorization": f"Basic {self.login}"} if self.login else {}
        return self.ask("GET", "/token/?service=public.ecr.aws&scope=aws", headers=headers)

    def sign_in(self) -> Client:
        self.session.headers["Authorization"] = f"Bearer {self.token().json()['token']}"
        assert self.ask("GET", "/v2/").status_code == 200
        return self

    def push(self, tag: str, content: bytes = b"hello") -> requests.Response:
        """Push an image of one layer; the first answer that is not a success, or the last."""
        digests = []
        for blob in (content, b"{}"):
            started = self.ask("POST", f"/v2/{self.name}/blobs/uploads/")
            if started.status_code != 202:
                return started
            digest = "sha256:" + hashlib.sha256(blob).hexdigest()
            done = self.ask("PUT", started.headers["Location"], params={"digest": digest}, data=blob)
            if done.status_code != 201:
                return done
            digests.append((digest, len(blob)))
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digests[1][0], "size": 2},
            "layers": [
                {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digests[0][0], "size": digests[0][1]}
            ],
        }
        return self.ask(
            "PUT", f"/v2/{self.name}/manifests/{tag}", data=json.dumps(document), headers={"Content-Type": MANIFEST}
        )

    def pull(self, tag: str) -> bytes:
        """Pull an image; returns its layer."""
        manifest = self.ask("GET", f"/v2/{self.name}/manifests/{tag}")
        assert manifest.status_code == 200, manifest.text
        layer = self.ask("GET", f"/v2/{self.name}/blobs/{manifest.json()['layers'][0]['digest']}")
        assert layer.status_code == 307
        # The address says all: no token goes along.
        return requests.get(f"http://{self.host}{layer.headers['Location']}", timeout=10).content


def login(lab: Any, profile: str = "admin") -> str:
    found: str = lab.client("ecr-public", profile).get_authorization_token()["authorizationData"]["authorizationToken"]
    return found


def test_repositories(lab: Any, public: Any) -> None:
    before = public.describe_registries()["registries"][0]
    assert before["aliases"] == []
    made = public.create_repository(
        repositoryName="team/web",
        catalogData={"description": "A page", "architectures": ["x86-64"], "operatingSystems": ["Linux"]},
        tags=[{"Key": "team", "Value": "web"}],
    )
    assert made["catalogData"]["description"] == "A page"
    assert made["repository"]["repositoryArn"] == f"arn:aws:ecr-public::{OWN}:repository/team/web"
    [registry] = public.describe_registries()["registries"]
    [alias] = registry["aliases"]
    assert alias["status"] == "ACTIVE"
    assert alias["defaultRegistryAlias"] is True
    assert registry["registryArn"] == f"arn:aws:ecr-public::{OWN}:registry/{OWN}"
    assert made["repository"]["repositoryUri"] == f"{registry['registryUri']}/team/web"
    assert f"/public.ecr.aws/{alias['name']}/" in made["repository"]["repositoryUri"]
    assert lab.control.status()["ecr_public"]["address"] == registry["registryUri"].rpartition("/")[0]

    with pytest.raises(ClientError) as twice:
        public.create_repository(repositoryName="team/web")
    assert code(twice) == "RepositoryAlreadyExistsException"
    for number in range(4):
        public.create_repository(repositoryName=f"r{number}")
    pages = public.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 2})
    assert [item["repositoryName"] for page in pages for item in page["repositories"]] == [
        "r0", "r1", "r2", "r3", "team/web",
    ]  # fmt: skip
    assert len({item["repositoryUri"].split("/")[2] for page in pages for item in page["repositories"]}) == 1

    arn = made["repository"]["repositoryArn"]
    public.tag_resource(resourceArn=arn, tags=[{"Key": "env", "Value": "prod"}])
    public.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert public.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "env", "Value": "prod"}]
    public.delete_repository(repositoryName="team/web")
    with pytest.raises(ClientError) as gone:
        public.describe_repositories(repositoryNames=["team/web"])
    assert code(gone) == "RepositoryNotFoundException"
    # The private repositories of the account are others.
    assert lab.client("ecr").describe_repositories()["repositories"] == []


def test_catalog_data(public: Any) -> None:
    uri(public)
    public.put_registry_catalog_data(displayName="Harbour Bikes")
    assert public.get_registry_catalog_data()["registryCatalogData"] == {"displayName": "Harbour Bikes"}
    put = public.put_repository_catalog_data(
        repositoryName="web", catalogData={"description": "one", "logoImageBlob": b"\x89PNG..."}
    )
    assert requests.get(put["catalogData"]["logoUrl"], timeout=10).content == b"\x89PNG..."
    public.put_repository_catalog_data(repositoryName="web", catalogData={"usageText": "docker pull it"})
    found = public.get_repository_catalog_data(repositoryName="web")["catalogData"]
    assert (found["description"], found["usageText"]) == ("one", "docker pull it")
    with pytest.raises(ClientError, match="architectures"):
        public.put_repository_catalog_data(repositoryName="web", catalogData={"architectures": ["abacus"]})


def test_only_one_region_has_the_api(lab: Any) -> None:
    with pytest.raises(ClientError) as elsewhere:
        lab.client("ecr-public", region="eu-west-1").describe_repositories()
    assert code(elsewhere) == "UnsupportedCommandException"
    assert "us-east-1" in str(elsewhere.value)


def test_images_over_the_api(lab: Any, public: Any) -> None:
    uri(public)
    layer, config = b"layer", b"{}"
    digests = []
    for blob in (layer, config):
        digest = "sha256:" + hashlib.sha256(blob).hexdigest()
        begun = public.initiate_layer_upload(repositoryName="web")
        public.upload_layer_part(
            repositoryName="web",
            uploadId=begun["uploadId"],
            partFirstByte=0,
            partLastByte=len(blob) - 1,
            layerPartBlob=blob,
        )
        public.complete_layer_upload(repositoryName="web", uploadId=begun["uploadId"], layerDigests=[digest])
        digests.append(digest)
    found = public.batch_check_layer_availability(repositoryName="web", layerDigests=digests)["layers"]
    assert [item["layerAvailability"] for item in found] == ["AVAILABLE", "AVAILABLE"]
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digests[1], "size": 2},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digests[0], "size": 5}],
    }
    for tag in ("v1", "v2"):
        image = public.put_image(repositoryName="web", imageManifest=json.dumps(document), imageTag=tag)["image"]
    [detail] = public.describe_images(repositoryName="web")["imageDetails"]
    assert detail["imageTags"] == ["v1", "v2"]
    assert detail["imageDigest"] == image["imageId"]["imageDigest"]
    tags = public.get_paginator("describe_image_tags").paginate(repositoryName="web", PaginationConfig={"PageSize": 1})
    details = [item for page in tags for item in page["imageTagDetails"]]
    assert [item["imageTag"] for item in details] == ["v1", "v2"]
    assert details[0]["imageDetail"]["imageSizeInBytes"] == 7
    with pytest.raises(ClientError) as full:
        public.delete_repository(repositoryName="web")
    assert code(full) == "RepositoryNotEmptyException"
    deleted = public.batch_delete_image(repositoryName="web", imageIds=[{"imageTag": "v1"}])
    assert deleted["imageIds"] == [{"imageDigest": detail["imageDigest"], "imageTag": "v1"}]
    public.delete_repository(repositoryName="web", force=True)


def test_anybody_pulls_and_nobody_pushes_without_a_login(lab: Any, public: Any) -> None:
    address = uri(public)
    owner = Client(address, login(lab)).sign_in()
    assert owner.push("v1").status_code == 201
    anybody = Client(address).sign_in()
    assert anybody.pull("v1") == b"hello"
    refused = anybody.push("v2")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (403, "DENIED")
    missing = anybody.ask("GET", f"/v2/{anybody.name}/manifests/v9")
    assert (missing.status_code, missing.json()["errors"][0]["message"]) == (404, "Requested image not found")
    nowhere = anybody.ask("GET", "/v2/public.ecr.aws/nobody/web/manifests/v1")
    assert nowhere.json()["errors"][0] == {
        "code": "NAME_UNKNOWN",
        "message": "The repository with name 'web' does not exist in the registry with id 'nobody'",
    }
    # The first part may be left out, as by tools that take the port for the whole address.
    assert anybody.ask("GET", f"/v2/{anybody.name.partition('/')[2]}/manifests/v1").status_code == 200


@pytest.mark.parametrize("signed_in", [True, False])
def test_the_x_ray_shows_a_repeated_head_as_it_shows_the_first(lab: Any, public: Any, signed_in: bool) -> None:
    address = uri(public)
    assert Client(address, login(lab)).sign_in().push("v1").status_code == 201
    client = Client(address, login(lab) if signed_in else None).sign_in()
    before = lab.control.xray()["last"]
    for _ in range(20):
        assert client.ask("HEAD", f"/v2/{client.name}/manifests/v1").status_code == 200
    rows = lab.control.xray(before)["rows"]
    assert len(rows) == 20
    varies = {"seq", "time", "wall", "duration_ms"}
    assert len({json.dumps({k: v for k, v in row.items() if k not in varies}) for row in rows}) == 1
    who = f"arn:aws:iam::{OWN}:user/admin" if signed_in else None
    assert (rows[-1]["operation"], rows[-1]["principal"], rows[-1]["account"]) == ("HEAD manifest", who, OWN)
    assert rows[-1]["reason"] in (
        "anybody may pull from a public repository",
        "a token that anybody gets: enough to pull",
    )


def test_a_login_of_a_private_registry_opens_nothing(lab: Any, public: Any) -> None:
    private = lab.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    assert Client(uri(public), private).token().status_code == 401
    # Nor the other way round.
    answer = requests.get(
        f"http://127.0.0.1:{lab.port}/v2/", headers={"Authorization": f"Basic {login(lab)}"}, timeout=10
    )
    assert answer.status_code == 401


def test_an_expired_login_spoils_even_what_anybody_may(lab: Any, public: Any) -> None:
    address = uri(public)
    client = Client(address, login(lab))
    client.sign_in()
    lab.control.advance(13 * 3600)
    expired = client.ask("GET", "/token/", headers={"Authorization": f"Basic {client.login}"})
    assert expired.status_code == 403
    assert expired.json()["errors"][0]["message"] == (
        "Your authorization token has expired. Reauthenticate and try again."
    )
    assert client.ask("GET", f"/v2/{client.name}/manifests/v1").status_code == 403
    assert Client(address).sign_in().ask("GET", f"/v2/{client.name}/manifests/v1").status_code == 404
    lab.control.reset_clock()


def test_iam_decides_who_logs_in_and_pushes(lab: Any, public: Any) -> None:
    address = uri(public)
    lab.allow("ci", "ecr-public:GetAuthorizationToken")
    with pytest.raises(ClientError, match="sts:GetServiceBearerToken"):
        login(lab, "ci")
    lab.allow("ci", "ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken")
    robot = Client(address, login(lab, "ci")).sign_in()
    refused = robot.push("v1").json()["errors"][0]
    assert refused["message"] == (
        "User: arn:aws:iam::123456789012:user/ci is not authorized to perform: ecr-public:InitiateLayerUpload on "
        f"resource: arn:aws:ecr-public::{OWN}:repository/web because no identity-based policy allows the "
        "ecr-public:InitiateLayerUpload action"
    )
    lab.client("iam").attach_user_policy(
        UserName="ci", PolicyArn="arn:aws:iam::aws:policy/AmazonElasticContainerRegistryPublicPowerUser"
    )
    assert robot.push("v1").status_code == 201
    lab.client("iam").detach_user_policy(
        UserName="ci", PolicyArn="arn:aws:iam::aws:policy/AmazonElasticContainerRegistryPublicPowerUser"
    )


def test_a_repository_policy_lets_another_account_push(lab: Any, public: Any) -> None:
    address = uri(public)
    partner = Client(address, login(lab, "partner")).sign_in()
    assert partner.push("v1").status_code == 403
    with pytest.raises(ClientError) as none:
        public.get_repository_policy(repositoryName="web")
    assert code(none) == "RepositoryPolicyNotFoundException"
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{PARTNER}:root"},
        "Action": [
            f"ecr-public:{action}"
            for action in (
                "BatchCheckLayerAvailability", "InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload",
                "PutImage",
            )
        ],
    }  # fmt: skip
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    assert public.set_repository_policy(repositoryName="web", policyText=text)["policyText"] == text
    assert partner.push("v1").status_code == 201
    public.delete_repository_policy(repositoryName="web")
    assert partner.push("v2", b"more").status_code == 403


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x", "Basic !!!", "Bearer " + "a" * 5000, "Basic QVdTOng="])
def test_odd_authorization(public: Any, header: str) -> None:
    client = Client(uri(public))
    for path in ("/v2/", "/token/", f"/v2/{client.name}/manifests/v1"):
        answer = client.ask("GET", path, headers={"Authorization": header})
        assert answer.status_code in (200, 401)


def test_a_token_is_not_a_password(lab: Any, public: Any) -> None:
    client = Client(uri(public), login(lab))
    token = client.token().json()["token"]
    encoded = base64.b64encode(f"AWS:{token}".encode()).decode()
    assert client.ask("GET", "/token/", headers={"Authorization": f"Basic {encoded}"}).status_code == 401
