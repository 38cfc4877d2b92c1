"""An image byte for byte: where a secret is found, in whatever writing."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from ecrlab_course.authoring.image_bytes import content_of, holding, members, places_of, whole
from ecrlab_course.authoring.staging import make_repository, pack_layer, put_image, put_text
from ecrlab_course.documents.lab_view import LabView

KEY = "harbour-0123456789"


def tar(**files: bytes) -> bytes:
    return gzip.decompress(pack_layer(files))


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (KEY.encode(), "plain"),
        (f"key={KEY}\n".encode(), "plain"),
        (base64.b64encode(f"{KEY}\n".encode()), "coded"),
        (base64.b64encode(f"k={KEY}\n".encode()), "coded"),
        (base64.b64encode(f"ke={KEY}".encode()), "coded"),
        (KEY.encode().hex().encode(), "coded"),
        (gzip.compress(f"{KEY}\n".encode()), "coded"),
        (b"harbour-012345678", ""),
        (b"", ""),
    ],
    ids=["plain", "in a line", "base64", "base64 shifted", "base64 shifted twice", "hex", "packed", "shorter", "empty"],
)
def test_a_key_is_found_in_whatever_writing(content: bytes, form: str) -> None:
    assert holding(tar(file=content), KEY) == form


def test_what_is_not_a_tar_is_searched_as_it_is() -> None:
    assert holding(json.dumps({"Env": [f"KEY={KEY}"]}).encode(), KEY) == "plain"
    assert members(b"not a tar") == {}
    assert content_of(tar(a=b"1"), "a") == b"1"
    assert content_of(tar(a=b"1"), "b") == b""


def test_an_image_is_read_whole(lab: LabView) -> None:
    make_repository(lab, "whole")
    more: dict[str, Any] = {"history": [{"created_by": f"ENV KEY={KEY}"}]}
    digest = put_image(lab, "whole", "1", {"a": b"1"}, {"key": KEY.encode()}, {".wh.key": b""}, more=more)
    image = whole(lab, "whole", digest)
    assert places_of(image, KEY) == [("config", "plain"), ("2", "plain")]
    assert [part.size for part in image.layers] == [len(part.data) for part in image.layers]
    assert len(image.diff_ids) == 3
    page = json.dumps(image.manifest)
    again = put_text(lab, "whole", "2", page)
    assert again != digest
    assert whole(lab, "whole", again).config == image.config
    assert put_text(lab, "whole", "2", page) == again
    lab.clear("whole")
    assert whole(lab, "whole", digest).layers == ()
