"""Lab 01: how it reads an image, whatever tool packed it."""

from __future__ import annotations

import gzip
import io
import sys
import tarfile
from typing import Any

import pytest
import zstandard

from ecrlab_course.authoring.content import course


def layer() -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        entry = tarfile.TarInfo("www/version.txt")
        entry.size = 4
        archive.addfile(entry, io.BytesIO(b"1.2\n"))
    return plain.getvalue()


@pytest.mark.parametrize(
    ("packed", "says"),
    [
        pytest.param(layer(), "1.2", id="plain"),
        pytest.param(gzip.compress(layer()), "1.2", id="gzip"),
        pytest.param(zstandard.compress(layer()), "1.2", id="zstandard"),
        pytest.param(zstandard.compress(layer())[:40], None, id="cut off"),
        pytest.param(b"no archive", None, id="no archive"),
    ],
)
def test_the_page_is_read_from_a_layer(packed: bytes, says: str | None) -> None:
    exercise: Any = course().exercises["lab-01-m1"]
    assert sys.modules[exercise.probe.__module__].version_in(packed) == says
