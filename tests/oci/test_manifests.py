"""Manifests: what is accepted, what is refused and how, tags, deletion."""

import json
from typing import Any

import pytest

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
LIST = "application/vnd.docker.distribution.manifest.list.v2+json"


def descriptor(content: bytes, digest: Any, media_type: str = MANIFEST) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest(content), "size": len(content)}


async def test_by_tag_and_by_digest(client: Any) -> None:
    content, name = await client.image(tag="v1")
    for reference in ("v1", name):
        got = await client("GET", f"team/web/manifests/{reference}")
        head = await client("HEAD", f"team/web/manifests/{reference}")
        assert (got.status, got.body) == (200, content)
        assert (head.status, head.body) == (200, b"")
        for answer in (got, head):
            assert answer.headers["Content-Type"] == MANIFEST
            assert answer.headers["Docker-Content-Digest"] == name
            assert answer.headers["Content-Length"] == str(len(content))


async def test_a_tag_moves_and_the_old_image_stays(client: Any) -> None:
    _, first = await client.image(tag="v1")
    content, _ = await client.image(tag="v1")
    assert (await client("GET", "team/web/manifests/v1")).body == content
    assert (await client("GET", f"team/web/manifests/{first}")).status == 200


async def test_sha512(client: Any, digest: Any) -> None:
    content, _ = await client.image()
    name = digest(content, "sha512")
    answer = await client.manifest(content, name)
    assert (answer.status, answer.headers["Docker-Content-Digest"]) == (201, name)
    assert (await client("GET", f"team/web/manifests/{name}")).body == content


async def test_the_media_type_may_come_from_the_content(client: Any, digest: Any) -> None:
    content, _ = await client.image()
    assert (await client.manifest(content, "typed", media_type=None)).status == 201
    assert (await client.manifest(content, "typed", media_type=f"{MANIFEST}; charset=utf-8")).status == 201
    bare = json.loads(content)
    del bare["mediaType"]
    assert (await client.manifest(json.dumps(bare).encode(), "bare", media_type=None)).status == 201
    assert (await client("HEAD", "team/web/manifests/bare")).headers["Content-Type"] == MANIFEST


@pytest.mark.parametrize(("index", "image"), [(INDEX, MANIFEST), (LIST, DOCKER)])
async def test_indexes(client: Any, digest: Any, index: str, image: str) -> None:
    content, _ = await client.image()
    if image == DOCKER:
        content = content.replace(MANIFEST.encode(), DOCKER.encode())
        assert (await client.manifest(content, digest(content), media_type=DOCKER)).status == 201
    document = {"schemaVersion": 2, "mediaType": index, "manifests": [descriptor(content, digest, image)]}
    assert (await client.manifest(json.dumps(document).encode(), "all", media_type=index)).status == 201
    assert (await client("GET", "team/web/manifests/all")).headers["Content-Type"] == index
    document["manifests"] = [descriptor(b"elsewhere", digest, image)]
    answer = await client.manifest(json.dumps(document).encode(), "all", media_type=index)
    assert (answer.status, answer.code) == (400, "MANIFEST_BLOB_UNKNOWN")


async def test_an_index_of_layers_as_buildkit_caches(client: Any, digest: Any) -> None:
    await client.blob(b"layer")
    layer = descriptor(b"layer", digest, "application/vnd.oci.image.layer.v1.tar+gzip")
    document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [layer]}
    assert (await client.manifest(json.dumps(document).encode(), "cache", media_type=INDEX)).status == 201


async def test_layers_that_are_never_pushed(client: Any, digest: Any) -> None:
    content, _ = await client.image()
    document = json.loads(content)
    document["layers"].append(
        {**descriptor(b"elsewhere", digest, "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"), "urls": ["x"]}
    )
    assert (await client.manifest(json.dumps(document).encode(), "windows")).status == 201


async def test_missing_layers(client: Any, digest: Any) -> None:
    content, _ = await client.image()
    document = json.loads(content)
    document["layers"].append(descriptor(b"missing", digest, "text/plain"))
    answer = await client.manifest(json.dumps(document).encode(), "v1")
    assert (answer.status, answer.code) == (400, "MANIFEST_BLOB_UNKNOWN")
    assert answer.json["errors"][0]["detail"] == {"digest": digest(b"missing")}
    assert (await client("GET", "team/web/manifests/v1")).status == 404


async def test_a_digest_that_does_not_match(client: Any, digest: Any) -> None:
    content, _ = await client.image()
    for reference in (digest(b"other"), "sha256:xyz", "md5:abc"):
        answer = await client.manifest(content, reference)
        assert (answer.status, answer.code) == (400, "DIGEST_INVALID")


@pytest.mark.parametrize("tag", [".hidden", "-dash", "a" * 129, "sp%20ace", "%00", "t%C3%A9", "a+b"])
async def test_tags_that_are_none(client: Any, tag: str) -> None:
    content, _ = await client.image()
    answer = await client.manifest(content, tag)
    assert (answer.status, answer.code) == (400, "MANIFEST_INVALID")
    assert (await client("GET", f"team/web/manifests/{tag}")).status == 404


GOOD: dict[str, Any] = {
    "schemaVersion": 2,
    "config": {"mediaType": "a/b", "digest": "sha256:" + "0" * 64, "size": 1},
    "layers": [],
}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"1" * 5000, "not JSON"),
        (b'{"schemaVersion": NaN}', "not JSON"),
        (b'{"schemaVersion": 2, "annotations": -Infinity}', "not JSON"),
        (b"[]", "not a JSON object"),
        ({}, "schemaVersion"),
        ({**GOOD, "schemaVersion": 1}, "schemaVersion"),
        ({**GOOD, "schemaVersion": True}, "schemaVersion"),
        ({**GOOD, "mediaType": INDEX}, "but was sent as"),
        ({**GOOD, "mediaType": 5}, "mediaType must be a string"),
        ({**GOOD, "manifests": []}, "of an image and of an index"),
        ({**GOOD, "layers": {}}, "layers must be a list"),
        ({**GOOD, "layers": [5]}, "layers[0] must be an object"),
        ({**GOOD, "config": None}, "config must be an object"),
        ({**GOOD, "config": {**GOOD["config"], "digest": "sha256:../.."}}, "config.digest"),
        ({**GOOD, "config": {**GOOD["config"], "digest": ["x"]}}, "config.digest"),
        ({**GOOD, "config": {**GOOD["config"], "size": -1}}, "config.size"),
        ({**GOOD, "config": {**GOOD["config"], "size": True}}, "config.size"),
        ({**GOOD, "config": {**GOOD["config"], "size": 10**30}}, "config.size"),
        ({**GOOD, "config": {**GOOD["config"], "mediaType": "\ud800"}}, "config.mediaType"),
        ({**GOOD, "subject": "sha256:x"}, "subject must be an object"),
        ({**GOOD, "artifactType": "\ud800"}, "artifactType"),
        ({**GOOD, "artifactType": {"a": 1}}, "artifactType"),
        ({**GOOD, "annotations": {"a": 1}}, "annotations"),
        ({**GOOD, "annotations": []}, "annotations"),
    ],
)
async def test_what_is_not_a_manifest(client: Any, content: Any, says: str) -> None:
    await client.blob(b"x")
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    answer = await client.manifest(data, "v1")
    assert (answer.status, answer.code) == (400, "MANIFEST_INVALID")
    assert says in answer.json["errors"][0]["message"]


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/json", "application/vnd.docker.distribution.manifest.v1+prettyjws", "x"]
)
async def test_other_media_types(client: Any, media_type: str) -> None:
    content, _ = await client.image()
    answer = await client.manifest(content, "v1", media_type=media_type)
    assert (answer.status, answer.code) == (400, "MANIFEST_INVALID")


async def test_a_manifest_that_is_too_large(client: Any) -> None:
    content, _ = await client.image(annotations={"pad": "x" * 4_100_000})
    padded = content + b" " * 200_000
    answer = await client.manifest(padded, "v1")
    assert (answer.status, answer.code) == (413, "MANIFEST_INVALID")

    async def stream() -> Any:
        yield padded

    answer = await client.manifest(stream(), "v1")
    assert answer.status == 413


async def test_delete(client: Any) -> None:
    _, name = await client.image(tag="v1")
    assert (await client("DELETE", "team/web/manifests/v1")).status == 202
    assert (await client("DELETE", "team/web/manifests/v1")).code == "MANIFEST_UNKNOWN"
    assert (await client("GET", f"team/web/manifests/{name}")).status == 200
    assert (await client("DELETE", f"team/web/manifests/{name}")).status == 202
    assert (await client("GET", f"team/web/manifests/{name}")).status == 404


async def test_a_pull_is_recorded_and_a_head_is_none(client: Any, store: Any) -> None:
    _, name = await client.image(tag="v1")
    home = store.repository("open", "team/web")
    await client("HEAD", "team/web/manifests/v1")
    assert store.manifest(home, name).last_pulled_at is None
    await client("GET", "team/web/manifests/v1")
    assert store.manifest(home, name).last_pulled_at is not None
