"""What ECR and ECR Public do not take although the OCI specifications allow it, and layers that no image names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError
from tests.aws.test_ecr_public import Client
from tests.aws.test_private_backend import Http, digest, said

OCI = "application/vnd.oci.image."
MANIFEST, INDEX, LAYER = f"{OCI}manifest.v1+json", f"{OCI}index.v1+json", f"{OCI}layer.v1.tar+gzip"
DOCKER = "application/vnd.docker."
CONFIG = b"{}"
ARTIFACT = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest(CONFIG), "size": 2}
BUNDLE = "application/vnd.dev.sigstore.bundle+json;version=0.2"

Push = Callable[..., requests.Response]


def descriptor(content: bytes, media_type: str = LAYER, **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest(content), "size": len(content), **more}


def manifest(*layers: dict[str, Any], **more: Any) -> dict[str, Any]:
    config = descriptor(CONFIG, f"{OCI}config.v1+json")
    return {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": list(layers), **more}


def index(*entries: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(entries), **more}


IMAGE = manifest(descriptor(b"layer"))
NOT_A_NUMBER = json.dumps({**IMAGE, "annotations": float("nan")})
CHILD = descriptor(json.dumps(IMAGE).encode(), MANIFEST)


def with_platform(**more: Any) -> dict[str, Any]:
    return {**CHILD, "platform": {"architecture": "amd64", "os": "linux", **more}}


# What ECR refuses: the manifest, the registry's status, and what the API says (None: the lab's own words).
REFUSED: dict[str, tuple[dict[str, Any], int, str | None]] = {
    "no layers": (manifest(), 405, "Image has to have at least 1 layer"),
    "no layers, an artifact": (
        manifest(artifactType="application/vnd.example", config=ARTIFACT),
        405,
        "Image has to have at least 1 layer",
    ),
    "no layers, Docker's": (
        {
            **manifest(),
            "mediaType": f"{DOCKER}distribution.manifest.v2+json",
            "config": descriptor(CONFIG, f"{DOCKER}container.image.v1+json"),
        },
        405,
        "Image has to have at least 1 layer",
    ),
    "an index of nothing": (index(), 405, None),
    "an index of nothing with a subject": (index(subject=CHILD), 405, None),
    "a list of nothing": ({**index(), "mediaType": f"{DOCKER}distribution.manifest.list.v2+json"}, 405, None),
    "an index of layers": (
        index(descriptor(b"layer"), descriptor(CONFIG, "application/vnd.buildkit.cacheconfig.v0")),
        400,
        None,
    ),
    "an index of an image and a layer": (index(CHILD, descriptor(b"layer")), 400, None),
    "a parameter in artifactType": (manifest(descriptor(b"layer"), artifactType=BUNDLE), 405, None),
    "a parameter in an index's artifactType": (index(CHILD, artifactType=BUNDLE), 405, None),
    "a parameter in a layer's type": (manifest(descriptor(b"layer", BUNDLE)), 405, None),
    "a parameter in the config's type": (
        manifest(descriptor(b"layer"), config=descriptor(CONFIG, "application/json; charset=utf-8")),
        405,
        None,
    ),
    "a parameter in an entry's artifactType": (index({**CHILD, "artifactType": BUNDLE}), 405, None),
    "platform.features": (index(with_platform(features=["sse4"])), 405, None),
    "schema 1": ({"schemaVersion": 1, "mediaType": f"{DOCKER}distribution.manifest.v1+json"}, 405, None),
    "another schemaVersion": ({**IMAGE, "schemaVersion": 3}, 405, None),
    "no config": ({"schemaVersion": 2, "mediaType": MANIFEST, "layers": [descriptor(b"layer")]}, 405, None),
}

TAKEN: dict[str, dict[str, Any]] = {
    "an image": IMAGE,
    "an index of images": index(with_platform(), {**with_platform(variant="v8"), "annotations": {"a": "b"}}),
    "an index that says of what it is an index": index(CHILD, artifactType="application/vnd.example"),
    "features of the operating system": index(with_platform(**{"os.features": ["win32k"], "os.version": "10.0"})),
    "an attestation": index(
        with_platform(),
        {**CHILD, "platform": {"architecture": "unknown", "os": "unknown"}, "annotations": {"k": "v"}},
    ),
    "an artifact without a file": manifest(ARTIFACT, artifactType="application/vnd.example", config=ARTIFACT),
    "a chart": manifest(
        descriptor(b"layer", "application/vnd.cncf.helm.chart.content.v1.tar+gzip"),
        config=descriptor(CONFIG, "application/vnd.cncf.helm.config.v1+json"),
    ),
    "BuildKit's cache as an image": manifest(
        descriptor(b"layer"), config=descriptor(CONFIG, "application/vnd.buildkit.cacheconfig.v0")
    ),
    "a signature": manifest(descriptor(b"layer", "application/vnd.dev.cosign.simplesigning.v1+json"), subject=CHILD),
    "a layer that stays elsewhere": manifest(
        descriptor(b"far away", f"{OCI}layer.nondistributable.v1.tar", urls=["https://example.com/layer"])
    ),
}


@pytest.fixture
def http(lab: Any) -> Iterator[Http]:
    lab.repository("app")
    client = Http(lab)
    assert client.push("app", "base").status_code == 201
    content = json.dumps(IMAGE).encode()
    assert client("PUT", f"app/manifests/{digest(content)}", data=content, headers=typed(MANIFEST)).status_code == 201
    yield client
    client.session.close()


def typed(media_type: str) -> dict[str, str]:
    return {"Content-Type": media_type}


def sentence(constraint: str, member: str = "ImageManifest") -> str:
    return f"Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'"


def failed(call: Callable[..., Any], **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        call(**parameters)
    answer = error.value.response["Error"]
    return str(answer["Code"]), str(answer["Message"])


# ----------------------------------------------------------------------------------------------------------- manifests


@pytest.mark.parametrize("what", REFUSED)
def test_a_refused_manifest(lab: Any, http: Http, what: str) -> None:
    document, status, constraint = REFUSED[what]
    content = json.dumps(document)
    answer = said(http("PUT", "app/manifests/v1", data=content, headers=typed(document["mediaType"])))
    assert answer[:2] == (status, "UNSUPPORTED")
    if constraint:
        assert answer[2] == sentence(constraint)
    assert answer[2].startswith("Invalid parameter at 'ImageManifest' failed to satisfy constraint: '")
    ecr = lab.client("ecr")
    put = failed(ecr.put_image, repositoryName="app", imageManifest=content, imageTag="v1")
    assert put == ("InvalidParameterException", answer[2])
    assert http("HEAD", "app/manifests/v1").status_code == 404


@pytest.mark.parametrize("what", TAKEN)
def test_a_manifest_that_is_taken(lab: Any, http: Http, what: str) -> None:
    content = json.dumps(TAKEN[what])
    pushed = http("PUT", "app/manifests/v1", data=content, headers=typed(TAKEN[what]["mediaType"]))
    assert pushed.status_code == 201, pushed.text
    assert http("GET", "app/manifests/v1").text == content
    lab.client("ecr").put_image(repositoryName="app", imageManifest=content, imageTag="v2")


@pytest.mark.parametrize(
    "content", ["", "no JSON", "[]", "3", "{", '"text"', "[" * 100_000, b"\xff\xfe{\x00}\x00", NOT_A_NUMBER]
)
def test_what_is_not_json(lab: Any, http: Http, content: str | bytes) -> None:
    answer = http("PUT", "app/manifests/v1", data=content, headers=typed(MANIFEST))
    assert said(answer) == (405, "UNSUPPORTED", sentence("Invalid JSON syntax"))
    if isinstance(content, str) and content:
        put = failed(lab.client("ecr").put_image, repositoryName="app", imageManifest=content, imageTag="v1")
        assert put == ("InvalidParameterException", sentence("Invalid JSON syntax"))


def test_half_a_character_in_a_manifest_is_answered_as_it_was_sent(lab: Any, http: Http) -> None:
    """JSON can escape a lone surrogate, which no text in UTF-8 can hold."""
    ecr = lab.client("ecr")
    content = json.dumps({**manifest(descriptor(b"layer"), subject=CHILD), "annotations": {"half": "\ud800"}})
    assert "\\ud800" in content
    ecr.put_image(repositoryName="app", imageManifest=content, imageTag="v1")
    subject = {"imageDigest": CHILD["digest"]}
    [referrer] = ecr.list_image_referrers(repositoryName="app", subjectId=subject)["referrers"]
    assert referrer["annotations"] == {"half": "\ud800"}
    assert http("GET", f"app/referrers/{CHILD['digest']}").json()["manifests"][0]["annotations"] == {"half": "\ud800"}


def test_nobody_says_what_a_manifest_is(lab: Any, http: Http) -> None:
    """As of a Helm chart, which says it in Content-Type alone (A014)."""
    content = json.dumps({key: value for key, value in IMAGE.items() if key != "mediaType"})
    ecr = lab.client("ecr")
    put = failed(ecr.put_image, repositoryName="app", imageManifest=content, imageTag="v1")
    assert put == ("InvalidParameterException", sentence("Invalid JSON syntax"))
    bare = requests.Request("PUT", f"{http.base}app/manifests/v1", dict(http.session.headers), data=content.encode())
    prepared = bare.prepare()
    prepared.headers.pop("Content-Type", None)
    assert said(http.session.send(prepared, timeout=10)) == (405, "UNSUPPORTED", sentence("Invalid JSON syntax"))
    assert http("PUT", "app/manifests/v1", data=content, headers=typed(MANIFEST)).status_code == 201
    ecr.put_image(repositoryName="app", imageManifest=content, imageManifestMediaType=MANIFEST, imageTag="v2")


def test_a_refused_manifest_in_cloudtrail(lab: Any, http: Http) -> None:
    http("PUT", "app/manifests/v1", data=json.dumps(manifest()), headers=typed(MANIFEST))
    begun = http("POST", "app/blobs/uploads/").headers["Location"].removeprefix("/v2/")
    http("PUT", f"{begun}?digest={digest(b'')}")
    events = [json.loads(event["CloudTrailEvent"]) for event in lab.client("cloudtrail").lookup_events()["Events"]]
    codes = {(event["eventName"], event["errorCode"]) for event in events if "errorCode" in event}
    assert ("PutImage", "InvalidParameterException") in codes
    assert ("CompleteLayerUpload", "EmptyUploadException") in codes


# ------------------------------------------------------------------------------------------------------ empty uploads


def empty(upload: str, name: str = "app") -> str:
    return (
        f"The upload with id '{upload}' in the repository with name '{name}' in registry with id '123456789012' cannot "
        "be completed because it does not have any parts"
    )


@pytest.mark.parametrize("patched", [False, True])
def test_a_blob_of_no_bytes(http: Http, patched: bool) -> None:
    begun = http("POST", "app/blobs/uploads/")
    where, upload = begun.headers["Location"].removeprefix("/v2/"), begun.headers["Docker-Upload-UUID"]
    if patched:
        assert http("PATCH", where).status_code == 202
    answer = http("PUT", f"{where}?digest={digest(b'')}")
    assert said(answer) == (400, "BLOB_UPLOAD_INVALID", empty(upload))
    # The upload goes on.
    assert http("PUT", f"{where}?digest={digest(b'more')}", data=b"more").status_code == 201


def test_a_blob_of_no_bytes_in_one_request(http: Http) -> None:
    answer = said(http("POST", f"app/blobs/uploads/?digest={digest(b'')}"))
    assert answer[:2] == (400, "BLOB_UPLOAD_INVALID")
    assert answer[2].endswith("cannot be completed because it does not have any parts")
    assert http("HEAD", f"app/blobs/{digest(b'')}").status_code == 404


@pytest.mark.parametrize("service", ["ecr", "ecr-public"])
def test_an_empty_upload_by_the_api(lab: Any, service: str) -> None:
    client = lab.client(service)
    client.create_repository(repositoryName="void")
    upload = client.initiate_layer_upload(repositoryName="void")["uploadId"]
    done = failed(
        client.complete_layer_upload, repositoryName="void", uploadId=upload, layerDigests=[digest(b"anything")]
    )
    assert done == ("EmptyUploadException", empty(upload, "void"))


# ---------------------------------------------------------------------------------------------- layers without an image


def test_a_layer_that_no_image_names_has_no_address(lab: Any, http: Http) -> None:
    ecr = lab.client("ecr")
    begun = http("POST", "app/blobs/uploads/").headers["Location"].removeprefix("/v2/")
    assert http("PUT", f"{begun}?digest={digest(b'loose')}", data=b"loose").status_code == 201
    found = ecr.batch_check_layer_availability(repositoryName="app", layerDigests=[digest(b"loose")])
    assert found["layers"][0]["layerAvailability"] == "AVAILABLE"
    url = ecr.get_download_url_for_layer
    assert failed(url, repositoryName="app", layerDigest=digest(b"loose"))[0] == "LayerInaccessibleException"
    assert failed(url, repositoryName="app", layerDigest=digest(b"absent"))[0] == "LayersNotFoundException"
    for named in (b"layer", CONFIG):
        assert url(repositoryName="app", layerDigest=digest(named))["layerDigest"] == digest(named)
    content = json.dumps(manifest(descriptor(b"loose")))
    http("PUT", "app/manifests/now", data=content, headers=typed(MANIFEST))
    assert url(repositoryName="app", layerDigest=digest(b"loose"))["layerDigest"] == digest(b"loose")
    ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageTag": "now"}])
    assert failed(url, repositoryName="app", layerDigest=digest(b"loose"))[0] == "LayerInaccessibleException"


def test_a_layer_that_no_image_names_is_not_mounted(lab: Any, http: Http) -> None:
    ecr = lab.client("ecr")
    lab.repository("target")
    ecr.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    begun = http("POST", "app/blobs/uploads/").headers["Location"].removeprefix("/v2/")
    assert http("PUT", f"{begun}?digest={digest(b'loose')}", data=b"loose").status_code == 201

    def mount(content: bytes) -> int:
        return http("POST", f"target/blobs/uploads/?mount={digest(content)}&from=app").status_code

    assert mount(b"loose") == 202
    assert http("HEAD", f"target/blobs/{digest(b'loose')}").status_code == 404
    assert (mount(b"layer"), mount(CONFIG)) == (201, 201)
    http("PUT", "app/manifests/now", data=json.dumps(manifest(descriptor(b"loose"))), headers=typed(MANIFEST))
    assert mount(b"loose") == 201
    ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageTag": "now"}])
    lab.repository("third")
    assert http("POST", f"third/blobs/uploads/?mount={digest(b'loose')}&from=app").status_code == 202


# ------------------------------------------------------------------------------------------------------------- listings


def next_of(answer: requests.Response) -> str | None:
    link = answer.headers.get("Link")
    if link is None:
        return None
    assert link.endswith('>; rel="next"')
    return link.removeprefix("</v2/").removesuffix('>; rel="next"')


def pages(http: Http, path: str, key: str) -> list[list[str]]:
    found, following = [], path
    while following:
        answer = http("GET", following)
        assert answer.status_code == 200, answer.text
        found.append(answer.json()[key])
        following = next_of(answer)
    return found


def test_tags_come_a_hundred_at_a_time(lab: Any, http: Http) -> None:
    content = json.dumps(IMAGE)
    tags = [f"t{number:04}" for number in range(249)]
    for tag in tags:
        assert http("PUT", f"app/manifests/{tag}", data=content, headers=typed(MANIFEST)).status_code == 201
    everything = ["base", *tags]
    for query, sizes in {
        "": [100, 100, 50],
        "?n=1000": [250],
        "?n=101": [101, 101, 48],
        "?last=t0200": [48],
        "?n=250": [250],
    }.items():
        found = pages(http, f"app/tags/list{query}", "tags")
        assert [len(page) for page in found] == sizes
        assert [*chain(*found)] == everything[-sum(sizes) :]
    assert http("GET", "app/tags/list?n=0").json()["tags"] == []
    too_many = sentence("Member must have value less than or equal to 1000", "maxResults")
    for number in ("1001", "999999999"):
        assert said(http("GET", f"app/tags/list?n={number}")) == (405, "UNSUPPORTED", too_many)
    # A page goes on where the one before it ended, whatever is deleted in between.
    ecr, seen = lab.client("ecr"), []
    first = http("GET", "app/tags/list")
    seen += first.json()["tags"]
    gone = [*seen[:40], seen[-1], "t0110"]
    ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageTag": tag} for tag in gone])
    following = next_of(first)
    while following:
        answer = http("GET", following)
        seen += answer.json()["tags"]
        following = next_of(answer)
    assert seen == [tag for tag in everything if tag != "t0110"]


def test_list_images_takes_one_to_a_thousand(lab: Any, http: Http) -> None:
    ecr = lab.client("ecr")
    content = json.dumps(IMAGE)
    tags = [f"t{number:04}" for number in range(149)]
    for tag in tags:
        assert http("PUT", f"app/manifests/{tag}", data=content, headers=typed(MANIFEST)).status_code == 201
    first = ecr.list_images(repositoryName="app")
    assert len(first["imageIds"]) == 100
    ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageTag": tag} for tag in tags[50:101]])
    rest = ecr.list_images(repositoryName="app", nextToken=first["nextToken"])
    found = [image["imageTag"] for image in (*first["imageIds"], *rest["imageIds"])]
    assert found == ["base", *tags[:99], *tags[101:]]
    for number, words in ((0, "greater than or equal to 1"), (1001, "less than or equal to 1000")):
        answer = http_api(lab, "ListImages", repositoryName="app", maxResults=number)
        assert answer == (
            "InvalidParameterException",
            sentence(f"Member must have value {words}", "maxResults"),
        )


def http_api(lab: Any, operation: str, **parameters: Any) -> tuple[str, str]:
    """Ask without the client's own look at the parameters; returns code and message of the refusal."""
    client = lab.client("ecr", parameter_validation=False)
    name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation).removeprefix("_")
    return failed(getattr(client, name), **parameters)


def test_the_catalog_comes_a_hundred_at_a_time(lab: Any, http: Http) -> None:
    names = [f"r{number:03}" for number in range(120)]
    for name in names:
        lab.repository(name)
    found = pages(http, "_catalog", "repositories")
    assert [len(page) for page in found] == [100, 21]
    assert [*chain(*found)] == ["app", *names]
    too_many = sentence("Member must have value less than or equal to 1000", "maxResults")
    assert said(http("GET", "_catalog?n=1001")) == (405, "UNSUPPORTED", too_many)


# ---------------------------------------------------------------------------------------------------------- ECR Public


@pytest.fixture
def public(lab: Any) -> Client:
    client = lab.client("ecr-public")
    uri = client.create_repository(repositoryName="web")["repository"]["repositoryUri"]
    login = client.get_authorization_token()["authorizationData"]["authorizationToken"]
    return Client(uri, login).sign_in()


def test_ecr_public_refuses_the_same(lab: Any, public: Client) -> None:
    assert public.push("base", b"layer").status_code == 201
    path = f"/v2/{public.name}"
    for what in ("no layers", "an index of nothing"):
        document, status, _ = REFUSED[what]
        content = json.dumps(document)
        answer = public.ask("PUT", f"{path}/manifests/v1", data=content, headers=typed(document["mediaType"]))
        assert said(answer)[:2] == (status, "UNSUPPORTED")
        put = failed(lab.client("ecr-public").put_image, repositoryName="web", imageManifest=content, imageTag="v1")
        assert put == ("InvalidParameterException", said(answer)[2])
    begun = public.ask("POST", f"{path}/blobs/uploads/")
    void = hashlib.sha256(b"").hexdigest()
    answer = public.ask("PUT", f"{begun.headers['Location']}?digest=sha256:{void}")
    assert said(answer) == (400, "BLOB_UPLOAD_INVALID", empty(begun.headers["Docker-Upload-UUID"], "web"))
    too_many = sentence("Member must have value less than or equal to 1000", "maxResults")
    assert said(public.ask("GET", f"{path}/tags/list?n=1001")) == (405, "UNSUPPORTED", too_many)
    content = public.ask("GET", f"{path}/manifests/base").content
    for number in range(105):
        tag = public.ask(
            "PUT", f"{path}/manifests/t{number}", data=content, headers=typed(json.loads(content)["mediaType"])
        )
        assert tag.status_code == 201
    first = public.ask("GET", f"{path}/tags/list")
    assert len(first.json()["tags"]) == 100
    assert next_of(first)
