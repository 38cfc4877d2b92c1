"""A repository over HTTP, as lessons about the wire act and look with it."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import requests

from ecrlab.home import Home
from ecrlab_course.authoring.staging import digest_of, make_repository, pack_layer
from ecrlab_course.authoring.wire import at_ecr, at_hub, at_mirror, image_of
from ecrlab_course.toolbox.lab import Lab


def test_an_image_goes_in_by_hand_and_comes_out_with_its_digest(running: Home, tmp_path: Path) -> None:
    lab = Lab(running, tmp_path)
    lab.clear("wire/one")
    make_repository(lab, "wire/one")
    layer = pack_layer({"one": b"1"})
    config, manifest = image_of(layer, gzip.decompress(layer))
    for wire in (at_ecr(lab, "wire/one"), at_hub(lab, "learner/one", "learner")):
        assert wire.put_image("1", layer, config, manifest) == digest_of(manifest) == wire.digest("1")
        assert wire.get("manifests/1").content == manifest
        assert wire.digest("2") == ""
    lab.hub.mirror("learner/one", serves="1")
    assert at_mirror(lab, "learner/one").get("manifests/2").content == manifest
    with pytest.raises(requests.HTTPError, match="401"):
        at_ecr(lab, "wire/one", "").put_blob(layer)
    with pytest.raises(requests.HTTPError, match="401"):
        at_hub(lab, "learner/one").put_blob(layer)
    lab.clear("wire/one")


def test_what_only_looks_leaves_no_trace(running: Home, tmp_path: Path) -> None:
    lab = Lab(running, tmp_path)
    before = lab.last()
    view = lab.looking()
    at_hub(view, "library/busybox", looking=True).digest("latest")
    at_ecr(view, "wire/none", looking=True).digest("1")
    assert lab.rows(before) == []
