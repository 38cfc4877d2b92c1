"""Quotas: each is reached once, in AWS's words, by the API and by a push, and is put back."""

from __future__ import annotations

import http.client
import json
from contextlib import closing
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from click.testing import CliRunner

from ecrlab.aws.quotas import Bucket
from ecrlab.cli import main
from ecrlab.client import LabError
from ecrlab.home import ACCOUNT, REGION
from ecrlab_course.failure import Refused
from ecrlab_course.toolbox import lab as course
from ecrlab_course.toolbox.image import image, push_image

MIB = 1 << 20


def error_of(call: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def index(*digests: str) -> str:
    """An index, for another image without layers."""
    kind = "application/vnd.oci.image.manifest.v1+json"
    document = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{"mediaType": kind, "digest": digest, "size": 1} for digest in digests],
    }
    return json.dumps(document)


def ask(
    connection: http.client.HTTPConnection, method: str, path: str, body: Any = None, **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    return response, response.read()


def public_address(lab: Any) -> tuple[http.client.HTTPConnection, str]:
    port = int(lab.control.status()["ecr_public"]["address"].partition("/")[0].rpartition(":")[2])
    alias = lab.client("ecr-public").describe_registries()["registries"][0]["aliases"][0]["name"]
    return http.client.HTTPConnection("localhost", port, timeout=30), f"/v2/public.ecr.aws/{alias}"


def test_repositories(lab: Any) -> None:
    ecr, public = lab.client("ecr"), lab.client("ecr-public")
    lab.control.quota("repositories per Region", 1)
    lab.control.quota("repositories per Region", 1, service="ecr-public")
    template = {"prefix": "team", "appliedFor": ["CREATE_ON_PUSH"]}
    ecr.create_repository_creation_template(**template)
    for client in (ecr, public):
        client.create_repository(repositoryName="one")
        code, text = error_of(client.create_repository, repositoryName="two")
        assert code == "LimitExceededException"
        assert text == (
            f"The registry with id '{ACCOUNT}' already has the maximum allowed number of repositories which is '1'"
        )
        assert error_of(client.create_repository, repositoryName="one")[0] == "RepositoryAlreadyExistsException"
    # In another Region, and of another account, it is another registry.
    lab.client("ecr", region="eu-west-1").create_repository(repositoryName="two")
    with pytest.raises(Refused, match="maximum allowed number of repositories which is '1'") as refused:
        lab.push("team/app", "1")
    assert (refused.value.status, refused.value.code) == (403, "DENIED")
    lab.control.quota("repositories per Region", None)
    lab.push("team/app", "1")


def test_images(lab: Any) -> None:
    ecr = lab.client("ecr")
    lab.repository("app")
    lab.control.quota("images-per-repository", 2)
    first = lab.push("app", "1", b"1")
    lab.push("app", "2", b"2")
    with pytest.raises(Refused) as refused:
        lab.push("app", "3", b"3")
    text = (
        f"The repository with name 'app' in registry with id '{ACCOUNT}' already has the maximum allowed number of "
        "images which is '2'"
    )
    assert (refused.value.status, refused.value.code, refused.value.message) == (403, "DENIED", text)
    lab.push("app", "again", b"1")  # no new image
    manifest = ecr.batch_get_image(repositoryName="app", imageIds=[{"imageDigest": first}])["images"][0]
    ecr.put_image(repositoryName="app", imageManifest=manifest["imageManifest"], imageTag="more")
    put = {"repositoryName": "app", "imageManifest": index(first), "imageTag": "4"}
    assert error_of(ecr.put_image, **put) == ("LimitExceededException", text)
    ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageTag": "2"}])
    ecr.put_image(**put)
    lab.client("ecr-public").create_repository(repositoryName="app")
    lab.control.quota("images per repository", 1, service="ecr-public")
    lab.push_public("app", "1", b"1")
    with pytest.raises(Refused, match="maximum allowed number of images which is '1'"):
        lab.push_public("app", "2", b"2")


def test_tags(lab: Any) -> None:
    lab.repository("app")
    lab.control.quota("tags per image", 2)
    lab.push("app", "1")
    lab.push("app", "2")
    lab.push("app", "2")
    with pytest.raises(Refused) as refused:
        lab.push("app", "3")
    assert (refused.value.status, refused.value.code) == (403, "DENIED")
    assert refused.value.message == (
        f"Adding tag '3' to an image in the repository with name 'app' in registry with id '{ACCOUNT}' exceeds the "
        "maximum allowed number of tags per image which is '2'"
    )


def test_layers(lab: Any) -> None:
    ecr = lab.client("ecr")
    lab.repository("app")
    lab.control.quota("layer size", 1)
    data = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    small, config, manifest = image(b"x")
    name = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/app"
    for size in (MIB + 1, 5 * MIB):
        with pytest.raises(Refused) as refused:
            push_image(lab.port, name, "1", (bytes(size), config, manifest), data)
        assert (refused.value.status, refused.value.code) == (403, "DENIED")
        assert refused.value.message == "The layer exceeds the maximum allowed layer size which is '1' MiB"
    # Exactly as large as allowed, and then the manifest fails for it names another layer.
    with pytest.raises(Refused, match="manifest blob unknown"):
        push_image(lab.port, name, "1", (bytes(MIB), config, manifest), data)
    push_image(lab.port, name, "1", (small, config, manifest), data)

    def part(upload: str, first: int, content: bytes) -> dict[str, Any]:
        parameters = {"repositoryName": "app", "uploadId": upload, "layerPartBlob": content}
        return {**parameters, "partFirstByte": first, "partLastByte": first + len(content) - 1}

    upload = ecr.initiate_layer_upload(repositoryName="app")["uploadId"]
    code, text = error_of(ecr.upload_layer_part, **part(upload, 0, bytes(MIB + 1)))
    assert (code, text) == ("LimitExceededException", refused.value.message)
    lab.control.quota("layer size", 11)
    lab.control.quota("layer parts", 2)
    ecr.upload_layer_part(**part(upload, 0, bytes(5 * MIB)))
    ecr.upload_layer_part(**part(upload, 5 * MIB, bytes(5 * MIB)))
    code, text = error_of(ecr.upload_layer_part, **part(upload, 10 * MIB, b"x"))
    assert code == "LimitExceededException"
    assert text.endswith("already has the maximum allowed number of layer parts which is '2'")


def test_a_layer_in_chunks(lab: Any) -> None:
    """Without a length, as docker sends it, the bytes are counted as they come; what was there before stays."""
    lab.repository("app")
    lab.control.quota("layer size", 3)
    token = lab.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    headers = {"Authorization": f"Basic {token}"}
    with closing(http.client.HTTPConnection("localhost", lab.port, timeout=30)) as connection:
        path = f"/v2/{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/app/blobs/uploads/"
        where = ask(connection, "POST", path, **headers)[0].headers["Location"]
        assert ask(connection, "PATCH", where, b"begin", **headers)[0].status == 202
        assert ask(connection, "PATCH", where, iter([bytes(MIB)] * 6), **headers)[0].status == 403
        assert ask(connection, "GET", where, **headers)[0].headers["Range"] == "0-4"


@pytest.mark.parametrize("service", ["ecr", "ecr-public"])
def test_api_rates(lab: Any, service: str) -> None:
    client = lab.client(service)
    for _ in range(5):
        client.get_authorization_token()  # off
    lab.control.quota("GetAuthorizationToken per second", 1, service=service)
    client.get_authorization_token()
    assert error_of(client.get_authorization_token) == ("ThrottlingException", "Rate exceeded")
    client.describe_repositories()  # another operation
    lab.control.quota("GetAuthorizationToken per second", None, service=service)
    client.get_authorization_token()


def test_a_client_that_repeats_gets_through(lab: Any) -> None:
    lab.control.quota("GetAuthorizationToken per second", 2)
    key, secret = course.Lab(lab.home)._keys("admin")
    patient = boto3.Session(key, secret, region_name=REGION).client(
        "ecr",
        endpoint_url=f"http://127.0.0.1:{lab.port}",
        config=Config(retries={"mode": "standard", "total_max_attempts": 5}, proxies={}),
    )
    before = lab.control.xray(limit=1)["last"]
    for _ in range(4):
        patient.get_authorization_token()
    rows = lab.control.xray(before)["rows"]
    assert "ThrottlingException" in {row["error"] for row in rows}


def test_registry_rates(lab: Any) -> None:
    lab.repository("app")
    lab.control.quota("PutImage per second", 1)
    lab.push("app", "1")
    with pytest.raises(Refused) as refused:
        lab.push("app", "1")
    assert (refused.value.status, refused.value.code) == (429, "TOOMANYREQUESTS")
    assert str(refused.value) == "toomanyrequests: Rate exceeded"


def test_public_pulls(lab: Any) -> None:
    public = lab.client("ecr-public")
    public.create_repository(repositoryName="app")
    lab.push_public("app", "1")
    connection, where = public_address(lab)

    def pull(**headers: str) -> tuple[int, Any]:
        token = json.loads(ask(connection, "GET", "/token/", **headers)[1])["token"]
        response, text = ask(connection, "GET", f"{where}/app/manifests/1", Authorization=f"Bearer {token}")
        return response.status, json.loads(text)

    assert [pull()[0] for _ in range(3)] == [200, 200, 200]
    lab.control.quota("unauthenticated image pulls per second", 1, service="ecr-public")
    assert pull()[0] == 200
    status, answer = pull()
    assert (status, answer["errors"][0]["code"], answer["errors"][0]["message"]) == (
        429,
        "TOOMANYREQUESTS",
        "Rate exceeded",
    )
    login = public.get_authorization_token()["authorizationData"]["authorizationToken"]
    assert pull(Authorization=f"Basic {login}")[0] == 200
    lab.control.quota("authenticated image pulls per second", 1, service="ecr-public")
    assert [pull(Authorization=f"Basic {login}")[0] for _ in range(2)] == [200, 429]
    connection.close()


def rule(number: int) -> dict[str, Any]:
    selection = {"tagStatus": "tagged", "tagPrefixList": [f"v{number}-"], "countType": "imageCountMoreThan"}
    return {"rulePriority": number, "selection": {**selection, "countNumber": 9}, "action": {"type": "expire"}}


def test_counts_of_configurations(lab: Any) -> None:
    ecr = lab.client("ecr")
    lab.repository("app")
    set_to_one = lab.control.quota
    set_to_one("rules per lifecycle policy", 1)
    text = json.dumps({"rules": [rule(1), rule(2)]})
    for call in (ecr.put_lifecycle_policy, ecr.start_lifecycle_policy_preview):
        code, message = error_of(call, repositoryName="app", lifecyclePolicyText=text)
        assert code == "InvalidParameterException"
        assert "must have at most 1 elements but instance has 2 elements" in message
    destinations = [{"region": region, "registryId": ACCOUNT} for region in ("eu-west-1", "eu-west-2")]
    filters = [{"filter": name, "filterType": "PREFIX_MATCH"} for name in ("aa", "bb")]

    def replicate(*rules: dict[str, Any]) -> Any:
        return {"replicationConfiguration": {"rules": list(rules)}}

    both = replicate({"destinations": destinations})
    ecr.put_replication_configuration(**both)
    for name, wrong, what in (
        ("destinations per replication configuration", both, "1 unique destinations"),
        ("rules per replication configuration", replicate(*[{"destinations": destinations[:1]}] * 2), "1 rules"),
        (
            "filters per replication rule",
            replicate({"destinations": destinations[:1], "repositoryFilters": filters}),
            "1 filters in a rule",
        ),
    ):
        set_to_one(name, 1)
        code, message = error_of(ecr.put_replication_configuration, **wrong)
        assert code == "InvalidParameterException"
        assert f"at most {what}" in message
        set_to_one(name, None)
    profile = f"arn:aws:signer:{REGION}:{ACCOUNT}:/signing-profiles/one"
    wild = [{"filter": name, "filterType": "WILDCARD_MATCH"} for name in ("a", "b")]
    for name, rules, what in (
        ("signing rules per registry", [{"signingProfileArn": profile + str(n)} for n in (1, 2)], "1 rules"),
        (
            "filters per signing rule",
            [{"signingProfileArn": profile, "repositoryFilters": wild}],
            "1 filters in a rule",
        ),
    ):
        set_to_one(name, 1)
        code, message = error_of(ecr.put_signing_configuration, signingConfiguration={"rules": rules})
        assert f"at most {what}" in message
    set_to_one("pull-through cache rules per registry", 1)
    ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="one", upstreamRegistryUrl="public.ecr.aws")
    code, message = error_of(
        ecr.create_pull_through_cache_rule, ecrRepositoryPrefix="two", upstreamRegistryUrl="quay.io"
    )
    assert code == "LimitExceededException"
    assert "the maximum of 1 pull through cache rules" in message
    set_to_one("replication backfills in progress", 1)
    ecr.put_replication_configuration(**both)
    lab.control.region("eu-west-1", on=False)  # so that it is in progress still
    ecr.start_replication_backfill(destination=destinations[0])
    code, message = error_of(ecr.start_replication_backfill, destination=destinations[1])
    assert (code, message) == (
        "LimitExceededException",
        "A registry can have at most 1 replication backfills in progress",
    )
    set_to_one("pull time update exclusions per registry", 1)
    ecr.register_pull_time_update_exclusion(principalArn=f"arn:aws:iam::{ACCOUNT}:role/one")
    again = {"principalArn": f"arn:aws:iam::{ACCOUNT}:role/two"}
    assert error_of(ecr.register_pull_time_update_exclusion, **again)[0] == "LimitExceededException"


def test_basic_scans_of_a_day(lab: Any) -> None:
    ecr = lab.client("ecr")
    lab.control.quota("basic scans per 24 hours", 1)
    ecr.create_repository(repositoryName="app", imageScanningConfiguration={"scanOnPush": True})
    lab.push("app", "1", b"1")
    lab.push("app", "2", b"2")
    image = {tag: {"repositoryName": "app", "imageId": {"imageTag": tag}} for tag in ("1", "2")}
    assert ecr.describe_image_scan_findings(**image["1"])["imageScanStatus"]
    assert error_of(ecr.describe_image_scan_findings, **image["2"])[0] == "ScanNotFoundException"
    code, message = error_of(ecr.start_image_scan, **image["2"])
    assert (code, message) == (
        "LimitExceededException",
        "The scan quota per registry has been exceeded. Wait and try again.",
    )
    lab.control.advance(23 * 3600)
    assert error_of(ecr.start_image_scan, **image["2"])[0] == code
    lab.control.advance(2 * 3600)
    ecr.start_image_scan(**image["2"])


def test_a_replica_is_counted_where_it_goes(lab: Any) -> None:
    ecr = lab.client("ecr")
    lab.repository("app")
    destination = {"region": "eu-west-1", "registryId": ACCOUNT}
    ecr.put_replication_configuration(replicationConfiguration={"rules": [{"destinations": [destination]}]})
    lab.control.quota("images per repository", 1, region="eu-west-1")
    lab.push("app", "1", b"1")
    lab.control.advance(1)
    digest = lab.push("app", "2", b"2")
    lab.control.advance(1)
    status = ecr.describe_image_replication_status(repositoryName="app", imageId={"imageDigest": digest})
    found = status["replicationStatuses"][0]
    assert (found["status"], found["failureCode"]) == ("FAILED", "LimitExceeded")


def test_a_quota_survives_a_restart_and_a_reset_puts_it_back(make_lab: Any) -> None:
    lab = make_lab()
    lab.control.quota("images per repository", 1)
    lab.control.quota("PutImage per second", 1)
    port = lab.port
    lab.stop()
    lab.start("--port", str(port))
    lab.repository("app")
    lab.push("app", "1", b"1")
    with pytest.raises(Refused, match="toomanyrequests"):
        lab.push("app", "2", b"2")
    lab.control.quota("PutImage per second", None)
    with pytest.raises(Refused, match="maximum allowed number of images"):
        lab.push("app", "2", b"2")
    removed = lab.control.reset()["removed"]
    assert f"the quota images per repository of {ACCOUNT}/{REGION}, which was 1" in removed
    assert not any(quota["set"] for quota in lab.control.quotas()["quotas"])
    lab.repository("app")
    lab.push("app", "1", b"1")
    lab.push("app", "2", b"2")


def test_what_cannot_be_set(lab: Any) -> None:
    for name, value, service in (
        ("images", 1, "ecr"),
        ("BatchGetImage per second", 1, "ecr-public"),
        ("images per repository", 0, "ecr"),
        ("images per repository", True, "ecr"),
        ("images per repository", "3", "ecr"),
        ("images per repository", 10**12, "ecr"),
        ("images per repository", 1, "s3"),
    ):
        with pytest.raises(LabError):
            lab.control.quota(name, value, service)
    with pytest.raises(LabError, match="not an AWS Region"):
        lab.control.quota("images per repository", 1, region="nowhere-1")
    assert not any(quota["set"] for quota in lab.control.quotas()["quotas"])


def test_lab_and_command(lab: Any) -> None:
    assert course.Lab(lab.home).quota("images per repository", 3) == (
        "images per repository: 3 (default at AWS: 100,000)."
    )

    def command(*arguments: str) -> str:
        done = CliRunner().invoke(main, ["quota", *arguments, "--home", str(lab.home.path)])
        assert done.exit_code == 0, done.output
        return done.output

    assert command("set", "layer size", "5", "--public") == "layer size: 5 MiB (default at AWS: 10,000).\n"
    listed = command("list").splitlines()
    assert any(line.startswith("* images per repository") and " 3 " in line for line in listed)
    assert any(line.startswith("  PutImage per second") and " off " in line for line in listed)
    public = command("list", "--public")
    assert "* layer size" in public
    assert "lifecycle" not in public
    assert command("reset", "images per repository").startswith("images per repository: 100,000")
    assert "layer size" in command("reset")
    assert command("reset") == "No quota was set.\n"
    wrong = CliRunner().invoke(main, ["quota", "set", "image", "1", "--home", str(lab.home.path)])
    assert wrong.exit_code == 1
    assert "There is no quota 'image' here. There is: repositories per Region," in wrong.output


def test_a_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    bucket = Bucket(2)
    assert [bucket.take() for _ in range(3)] == [True, True, False]
    now[0] += 0.5
    assert [bucket.take() for _ in range(2)] == [True, False]
    now[0] += 60.0
    assert [bucket.take() for _ in range(3)] == [True, True, False]
