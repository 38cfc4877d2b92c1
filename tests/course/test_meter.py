"""The meter: bytes of images by Region and purpose, from the rows of real requests; and what a page's end puts back."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import pytest

from ecrlab_course.authoring.evidence import moved
from ecrlab_course.authoring.staging import log_in, make_repository, put_image
from ecrlab_course.documents.meter import Meter, Moved, read
from ecrlab_course.failure import Refused
from ecrlab_course.toolbox.lab import Lab
from ecrlab_course.toolbox.standing import differences, fingerprint
from ecrlab_course.views.meter import reading

IRELAND = {"region": "eu-west-1", "registryId": "123456789012"}


@pytest.fixture
def empty(lab: Lab) -> Lab:
    lab.unset("us-east-1", "eu-west-1")
    for region in ("us-east-1", "eu-west-1"):
        lab.clear("met/app", region=region)
    make_repository(lab, "met/app")
    return lab


def until_copied(lab: Lab, after: int, count: int) -> Meter:
    end = time.monotonic() + 10
    while len([row for row in lab.rows(after) if row["operation"] == "ReplicateImage"]) < count:
        assert time.monotonic() < end
        time.sleep(0.05)
    return read(lab.rows(after))


def test_a_push_comes_in_a_pull_goes_out_and_what_is_there_moves_no_more(empty: Lab) -> None:
    log_in(empty)
    begun = empty.last()
    empty.push("met/app", "1", b"x" * 4000)
    pushed = moved(empty, begun)
    assert [(line.region, line.what, line.out) for line in pushed.lines] == [("us-east-1", "pushed", 0)]
    size = pushed.into("us-east-1")
    assert 400 < size < 4000
    address = f"{empty.registry}/met/app:1"
    before = empty.last()
    assert empty.sh(f"docker pull -q {address}")[0] == 0
    assert moved(empty, before).out_of("us-east-1", "pulled") == size
    before = empty.last()
    assert empty.sh(f"docker pull -q {address}")[0] == 0
    assert moved(empty, before) == Meter()
    empty.sh(f"docker rmi -f {address}")


def test_the_api_moves_the_same_bytes_in_more_words(empty: Lab) -> None:
    begun = empty.last()
    put_image(empty, "met/app", "api", {"file": b"y" * 100})
    found = moved(empty, begun)
    assert found.into("us-east-1", "pushed") == found.into()
    assert found.out_of() == 0


def test_a_refused_push_and_what_an_api_says_move_nothing(empty: Lab) -> None:
    begun = empty.last()
    with suppress(Refused):
        empty.push("met/app", "1", profile="ops")
    empty.client("ecr").describe_repositories()
    assert moved(empty, begun) == Meter()


def test_a_copy_leaves_one_region_and_comes_into_the_other_once(empty: Lab) -> None:
    rules = {"rules": [{"destinations": [IRELAND]}]}
    empty.client("ecr").put_replication_configuration(replicationConfiguration=rules)
    begun = empty.last()
    empty.push("met/app", "1", b"z" * 3000)
    first = until_copied(empty, begun, 1)
    size = first.into("us-east-1", "pushed")
    copied = Moved("us-east-1", "replicated", out=size, other="eu-west-1")
    assert copied in first.lines
    assert first.into("eu-west-1", "replicated") == size
    # The same image under a second name: its bytes are there.
    one = empty.client("ecr").batch_get_image(repositoryName="met/app", imageIds=[{"imageTag": "1"}])["images"][0]
    begun = empty.last()
    empty.client("ecr").put_image(repositoryName="met/app", imageManifest=one["imageManifest"], imageTag="2")
    again = until_copied(empty, begun, 1)
    assert again.out_of() == again.into("eu-west-1") == 0


def test_it_shows_a_line_for_each_region_and_purpose() -> None:
    row: dict[str, Any] = {
        "service": "ecr", "region": "eu-west-1", "status": 200, "method": "POST", "path": "/",
        "operation": "ReplicateImage", "bytes_in": 2_001_728, "bytes_out": 0, "origin": "us-east-1",
    }  # fmt: skip
    assert repr(reading([row])).splitlines() == [  # type: ignore[list-item]
        "Bytes of images that moved",
        "Region     what for                      in        out",
        "us-east-1  copied to eu-west-1            0  2,001,728",
        "eu-west-1  copied from us-east-1  2,001,728          0",
    ]
    assert repr(reading([])) == "No byte of an image moved."
    assert "<td>2,001,728</td>" in reading([row])._repr_mimebundle_()["text/html"]  # type: ignore[list-item]


def test_what_is_set_for_a_registry_is_seen_and_removed(empty: Lab) -> None:
    before = fingerprint(empty)
    ireland = empty.client("ecr", region="eu-west-1")
    empty.client("ecr").put_replication_configuration(replicationConfiguration={"rules": [{"destinations": [IRELAND]}]})
    url = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
    ireland.create_pull_through_cache_rule(ecrRepositoryPrefix="near", upstreamRegistryUrl=url)
    empty.quota("images per repository", 3, region="eu-west-1")
    now = fingerprint(empty)
    assert differences(before, now) == [("settings", "eu-west-1"), ("settings", "us-east-1")]
    empty.control.region("eu-west-1", on=False)
    assert ("regions", "") in fingerprint(empty)
    assert empty.regions_on() == ["eu-west-1"]
    assert empty.regions_on() == []
    empty.unset("us-east-1")
    assert differences(before, fingerprint(empty)) == [("settings", "eu-west-1")]
    empty.unset("eu-west-1")
    assert differences(before, fingerprint(empty)) == []


def test_the_partners_registry_is_put_back_too(empty: Lab) -> None:
    theirs = empty.client("ecr", "partner")
    theirs.put_registry_policy(
        policyText='{"Version": "2012-10-17", "Statement": [{"Sid": "in", "Effect": "Allow", "Principal": '
        '{"AWS": "123456789012"}, "Action": "ecr:ReplicateImage", "Resource": "*"}]}'
    )
    empty.unset("us-east-1", account="444455556666")
    with pytest.raises(theirs.exceptions.RegistryPolicyNotFoundException):
        theirs.get_registry_policy()
