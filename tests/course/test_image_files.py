"""What a container would see of an image's files: whiteouts, links, and however a layer is packed."""

from __future__ import annotations

import gzip
import io
import random
import tarfile

import pytest
import zstandard

from ecrlab_course.authoring.image_files import KEPT_AT_MOST, SMALL, Entry, Files, entries
from ecrlab_course.authoring.staging import pack_layer

PAGE = "www/version.txt"


def files(*layers: dict[str, bytes]) -> Files:
    return Files(entries(pack_layer(layer)) for layer in layers)


def test_a_later_layer_replaces_a_file() -> None:
    assert files({PAGE: b"1.1"}, {PAGE: b"1.2"}).read("/www/version.txt") == b"1.2"
    assert files({"./www/version.txt": b"1.2"}).read(PAGE) == b"1.2"


@pytest.mark.parametrize(
    "whiteout", ["www/.wh.version.txt", ".wh.www", "www/.wh..wh..opq", "./www/.wh.version.txt"], ids=str
)
def test_what_a_later_layer_deletes_is_gone(whiteout: str) -> None:
    found = files({PAGE: b"1.2", "etc/hosts": b""}, {whiteout: b""})
    assert found.read(PAGE) is None
    assert found.deleted == {PAGE: b"1.2"}
    assert found.paths == ["etc/hosts"]


@pytest.mark.parametrize("whiteout", ["www/.wh.version.txt", ".wh.www", "www/.wh..wh..opq"], ids=str)
def test_a_whiteout_deletes_of_the_layers_below_alone(whiteout: str) -> None:
    found = files({PAGE: b"1.1", "www/old": b""}, {whiteout: b"", PAGE: b"1.2"})
    assert found.read(PAGE) == b"1.2"
    assert PAGE not in found.deleted
    assert ("www/old" in found.paths) is (whiteout == "www/.wh.version.txt")


def test_a_name_that_only_begins_alike_stays() -> None:
    assert files({PAGE: b"1.2"}, {"www/.wh.version": b"", ".wh.ww": b""}).read(PAGE) == b"1.2"


def test_a_file_in_the_place_of_a_folder_hides_what_was_in_it() -> None:
    assert files({PAGE: b"1.2"}, {"www": b"a file"}).read(PAGE) is None


def test_links_are_followed() -> None:
    target = Entry("app/www/version.txt", "file", content=b"1.2")
    for link in (
        Entry("www", "link", "app/www"), Entry("www", "link", "/app/www"),
        Entry(PAGE, "link", "../app/www/version.txt"), Entry(PAGE, "same", "app/www/version.txt"),
    ):  # fmt: skip
        assert Files([[target], [link]]).read(PAGE) == b"1.2", link
    assert Files([[Entry("www", "link", "app"), Entry("app", "link", "www")]]).read(PAGE) is None
    assert Files([[target, Entry("www", "link", "app/www")], [Entry("www/.wh.version.txt", "file")]]).read(PAGE) is None


def test_a_page_elsewhere_is_not_the_page() -> None:
    found = files({"app/www/version.txt": b"1.2"})
    assert found.read(PAGE) is None
    assert found.paths == ["app/www/version.txt"]


def plain_layer() -> bytes:
    return gzip.decompress(pack_layer({PAGE: b"1.2\n"}))


@pytest.mark.parametrize(
    ("packed", "says"),
    [
        pytest.param(plain_layer(), b"1.2\n", id="plain"),
        pytest.param(gzip.compress(plain_layer()), b"1.2\n", id="gzip"),
        pytest.param(zstandard.compress(plain_layer()), b"1.2\n", id="zstandard"),
        pytest.param(zstandard.compress(plain_layer())[:40], None, id="cut off"),
        pytest.param(gzip.compress(plain_layer())[:40], None, id="gzip, cut off"),
        pytest.param(b"no archive", None, id="no archive"),
    ],
)
def test_a_layer_is_read_however_it_is_packed(packed: bytes, says: bytes | None) -> None:
    assert Files([entries(packed)]).read(PAGE) == says


def test_a_file_of_a_small_layer_is_kept_whole_and_of_a_large_one_its_beginning() -> None:
    page, noise = b"page" * KEPT_AT_MOST, random.Random(4).randbytes(SMALL)
    assert files({PAGE: page}).read(PAGE) == page
    assert files({PAGE: page, "usr/lib/noise": noise}).read(PAGE) == page[:KEPT_AT_MOST]


def test_a_long_layer_does_not_take_long() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for number in range(5000):
            archive.addfile(tarfile.TarInfo(f"usr/lib/{number % 50}/{number}"))
    layer = list(entries(buffer.getvalue()))
    assert len(Files([layer, layer]).paths) == 5000
