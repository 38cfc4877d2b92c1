"""`lab.fleet`: images with ages, indexes and no names, in one call."""

from __future__ import annotations

from typing import Any

import pytest

from ecrlab_course.authoring.evidence import children, images, own_images, tags


def test_ages_tags_and_indexes(lab: Any) -> None:
    begin = lab.clock.now()
    ships = [(2, "v2.0", "amd64 arm64"), (10, "v1.0"), (5, "v1.1 live"), (5, ""), (0, "v2.1")]
    said = lab.fleet({"fleet": ships, "copy": ships})
    assert "10 d ahead" in said
    now = lab.clock.now()
    assert round((now - begin).total_seconds() / 86400) == 10
    for name in ("fleet", "copy"):
        found = own_images(lab, name)
        ages = [
            (round((now - one["imagePushedAt"]).total_seconds() / 86400), sorted(one.get("imageTags", [])))
            for one in found
        ]
        assert ages == [(10, ["v1.0"]), (5, ["live", "v1.1"]), (5, []), (2, ["v2.0"]), (0, ["v2.1"])]
        assert len(children(lab, name)) == 2
        assert len(images(lab, name)) == 7
    assert tags(lab, "fleet") == tags(lab, "copy")


def test_it_adds_to_what_is_there(lab: Any) -> None:
    lab.clear("fleet")
    lab.fleet({"fleet": [(1, "a")]})
    before = lab.clock.now()
    lab.fleet({"fleet": [(0, "b")]})
    assert (lab.clock.now() - before).total_seconds() < 60
    assert set(tags(lab, "fleet")) == {"a", "b"}


def test_an_empty_fleet_moves_nothing(lab: Any) -> None:
    lab.clear("fleet")
    assert "ahead" in lab.fleet({"fleet": []})
    assert images(lab, "fleet") == []


def test_a_scan_can_be_made_slow(lab: Any) -> None:
    ecr = lab.client("ecr")
    lab.clear("app")
    ecr.create_repository(repositoryName="app")
    lab.push("app", "1")
    which = {"repositoryName": "app", "imageId": {"imageTag": "1"}}

    def status() -> str:
        return str(ecr.describe_image_scan_findings(**which)["imageScanStatus"]["status"])

    assert "60 s" in lab.scan_time(60)
    ecr.start_image_scan(**which)
    assert status() == "IN_PROGRESS"
    lab.clock.advance(minutes=2)
    assert status() == "FAILED"  # an image without an operating system
    assert "needs" in lab.scan_time(0)
    with pytest.raises(Exception, match="from 0 to 3600"):
        lab.scan_time(-1)
