"""Tags, referrers, the catalog, names, methods."""

import re
from typing import Any

import pytest

INDEX = "application/vnd.oci.image.index.v1+json"


async def pages(client: Any, path: str, key: str) -> list[list[Any]]:
    found, link = [], f"/v2/{path}"
    while link:
        answer = await client("GET", link)
        assert answer.status == 200
        found.append(answer.json[key])
        match = re.fullmatch(r'<(/v2/[^>]+)>; rel="next"', answer.headers.get("Link", ""))
        link = match[1] if match else ""
    return found


async def test_tags(client: Any) -> None:
    content, name = await client.image()
    tags = ["a", "b", "B", "c.1", "c-1", "1", "_x"]
    for tag in tags:
        assert (await client.manifest(content, tag)).status == 201
    everything = (await client("GET", "team/web/tags/list")).json
    assert everything == {"name": "team/web", "tags": sorted(tags)}
    assert await pages(client, "team/web/tags/list?n=3", "tags") == [
        sorted(tags)[:3],
        sorted(tags)[3:6],
        sorted(tags)[6:],
    ]
    assert await pages(client, "team/web/tags/list?n=7", "tags") == [sorted(tags)]
    assert (await client("GET", "team/web/tags/list?n=0")).json["tags"] == []
    assert (await client("GET", "team/web/tags/list?last=b")).json["tags"] == ["c-1", "c.1"]
    assert (await client("GET", "team/web/tags/list?last=zz&n=5")).json["tags"] == []
    await client("DELETE", f"team/web/manifests/{name}")
    assert (await client("GET", "team/web/tags/list")).json["tags"] == []


@pytest.mark.parametrize("query", ["n=-1", "n=x", "n=", "n=1.5", "n=99999999999999", "n=%D9%A1"])
async def test_a_page_size_that_is_none(client: Any, query: str) -> None:
    await client.image()
    answer = await client("GET", f"team/web/tags/list?{query}")
    assert (answer.status, answer.code) == (400, "PAGINATION_NUMBER_INVALID")


async def test_referrers(client: Any, digest: Any) -> None:
    subject = {"mediaType": "x/y", "digest": digest(b"subject"), "size": 7}
    names = []
    for number in range(120):
        kind = "type/a" if number % 2 else "type/b"
        _, name = await client.image(subject=subject, artifactType=kind, annotations={"n": str(number)})
        names.append(name)
    answer = await client("GET", f"team/web/referrers/{subject['digest']}")
    assert answer.headers["Content-Type"] == INDEX
    assert "OCI-Filters-Applied" not in answer.headers
    document = answer.json
    assert (document["schemaVersion"], document["mediaType"]) == (2, INDEX)
    assert sorted(entry["digest"] for entry in document["manifests"]) == sorted(names)
    one = next(entry for entry in document["manifests"] if entry["digest"] == names[5])
    assert (one["artifactType"], one["annotations"]) == ("type/a", {"n": "5"})
    answer = await client("GET", f"team/web/referrers/{subject['digest']}?artifactType=type/b")
    assert answer.headers["OCI-Filters-Applied"] == "artifactType"
    assert len(answer.json["manifests"]) == 60
    assert (await client("GET", f"team/web/referrers/{digest(b'none')}")).json["manifests"] == []
    assert (await client("GET", "team/web/referrers/x")).code == "DIGEST_INVALID"


async def test_large_referrers_come_in_pages(client: Any, digest: Any) -> None:
    subject = {"mediaType": "x/y", "digest": digest(b"subject"), "size": 7}
    for number in range(52):
        await client.image(subject=subject, annotations={"n": str(number), "pad": "x" * 100_000})
    found = await pages(client, f"team/web/referrers/{subject['digest']}", "manifests")
    assert [len(page) for page in found] == [50, 2]
    assert len({entry["digest"] for page in found for entry in page}) == 52


async def test_the_subject_is_named_in_the_answer(client: Any, digest: Any) -> None:
    subject = {"mediaType": "x/y", "digest": digest(b"subject"), "size": 7}
    content, _ = await client.image(subject=subject)
    assert (await client.manifest(content, "sig")).headers["OCI-Subject"] == digest(b"subject")


async def test_catalog(client: Any) -> None:
    for name in ("b/x", "a", "c"):
        await client.blob(b"x", name)
    assert await pages(client, "_catalog?n=2", "repositories") == [["a", "b/x"], ["c"]]
    assert (await client("GET", "_catalog?n=0")).json == {"repositories": []}


@pytest.mark.parametrize(
    "name",
    ["Upper/x", "a//b", "a/", "-a", "a-", "a..b", "%2e%2e/x", "a/%2e%2e/b", "a%00b", "a" * 600, "a___b", "t%C3%A9"],
)
async def test_names_that_are_none(client: Any, name: str) -> None:
    answer = await client("POST", f"{name}/blobs/uploads/")
    assert answer.status in (400, 404)
    assert answer.code in ("NAME_INVALID", "UNSUPPORTED")


@pytest.mark.parametrize("name", ["blobs", "manifests/tags/list/x", "a/blobs/uploads/b", "v2/v2", "a__b/c-----d/0.1"])
async def test_names_that_look_like_the_protocol(client: Any, name: str) -> None:
    content, _ = await client.image(name, tag="v1")
    assert (await client("GET", f"{name}/manifests/v1")).body == content
    assert (await client("GET", f"{name}/tags/list")).json == {"name": name, "tags": ["v1"]}


async def test_ping_and_what_is_not_there(client: Any) -> None:
    for path in ("/v2/", "/v2"):
        answer = await client("GET", path)
        assert (answer.status, answer.json) == (200, {})
        assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    assert (await client("GET", "nothing")).code == "UNSUPPORTED"
    answer = await client("POST", "team/web/tags/list")
    assert (answer.status, answer.headers["Allow"], answer.code) == (405, "GET", "UNSUPPORTED")
    assert (await client("DELETE", "/v2/")).status == 405
    assert (await client("POST", "_catalog")).status == 405


async def test_nothing_refers_to_what_nobody_pushed_yet(client: Any, digest: Any) -> None:
    answer = await client("GET", f"team/new/referrers/{digest(b'x')}")
    assert (answer.status, answer.json["manifests"]) == (200, [])
    assert (await client("GET", "team/new/referrers/sha256:zz")).status == 400
    assert (await client("GET", "team/new/tags/list")).code == "NAME_UNKNOWN"
