"""What the layers of an image hold, and hostile ones."""

from __future__ import annotations

import gzip
import json
import random
import tarfile
import tracemalloc
from contextlib import suppress
from pathlib import Path

import pytest

from ecrlab.scan import Contents, TooLarge, Unreadable, packages, read

from .layers import ALPINE, DEBIAN, dpkg, entry, tar, write

STATUS = "var/lib/dpkg/status"


def names(contents: Contents) -> dict[str, str]:
    return {package.name: package.version for package in contents.packages}


@pytest.mark.parametrize("how", ["gzip", "zstd", "plain"])
def test_debian_in_every_compression(tmp_path: Path, how: str) -> None:
    status = dpkg(("libc6", "2.36-9+deb12u2", "glibc"), ("libc-bin", "2.36-9", "glibc (2.36-8)"), ("curl", "7.88", ""))
    removed = b"\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\n"
    layer = [("./etc/os-release", DEBIAN), (f"./{STATUS}", status + removed)]
    found = read(write(tmp_path, layer, how=how))
    assert found.system is not None
    assert (found.system.id, found.system.version) == ("debian", "12")
    assert found.system.name == "Debian GNU/Linux 12 (bookworm)"
    assert [(one.name, one.source, one.source_version) for one in found.packages] == [
        ("curl", "curl", "7.88"),
        ("libc-bin", "glibc", "2.36-8"),
        ("libc6", "glibc", "2.36-9+deb12u2"),
    ]
    assert {(one.kind, one.architecture, one.path, one.layer) for one in found.packages} == {
        ("debian", "amd64", STATUS, 0)
    }


def test_an_image_without_a_shell_has_a_file_a_package(tmp_path: Path) -> None:
    part = b"Package: base-files\nVersion: 12.4\nArchitecture: amd64\n"
    layer = [("var/lib/dpkg/status.d/base", part), ("var/lib/dpkg/status.d/base.md5sums", b"Package: x\nVersion: 1\n")]
    assert names(read(write(tmp_path, layer))) == {"base-files": "12.4"}


@pytest.mark.parametrize("folder", ["lib", "usr/lib"])
def test_alpine(tmp_path: Path, folder: str) -> None:
    database = b"C:Q1=\nP:libcrypto3\nV:3.1.3-r0\nA:x86_64\no:openssl\n\nP:busybox\nV:1.36.1-r2\nA:x86_64\n"
    found = read(write(tmp_path, [("etc/os-release", ALPINE), (f"{folder}/apk/db/installed", database)]))
    assert found.system is not None
    assert found.system.version == "3.18.4"
    assert [(one.kind, one.name, one.source) for one in found.packages] == [
        ("alpine", "busybox", "busybox"),
        ("alpine", "libcrypto3", "openssl"),
    ]


def test_python_and_node(tmp_path: Path) -> None:
    metadata = b"Metadata-Version: 2.1\nName: Py_YAML.x\nVersion: 5.3\n\nName: not-this\n"
    module = json.dumps({"name": "lodash", "version": "4.17.20"}).encode()
    scoped = json.dumps({"name": "@a/b", "version": "1.0.0"}).encode()
    inner = json.dumps({"name": "inner", "version": "2.0.0"}).encode()
    layer = [
        ("opt/venv/lib/python3.11/site-packages/x-5.3.dist-info/METADATA", metadata),
        ("usr/lib/python3/dist-packages/old.egg-info", b"Name: old\nVersion: 1.0\n"),
        ("usr/lib/python3/dist-packages/egg.egg-info/PKG-INFO", b"Name: egg\nVersion: 2.0\n"),
        ("app/node_modules/lodash/package.json", module),
        ("app/node_modules/@a/b/package.json", scoped),
        ("app/node_modules/lodash/node_modules/inner/package.json", inner),
        ("app/package.json", b'{"name": "app", "version": "1.0.0"}'),
        ("app/node_modules/lodash/lib/package.json", b'{"name": "no-module", "version": "1.0.0"}'),
    ]
    assert names(read(write(tmp_path, layer))) == {
        "py-yaml-x": "5.3",
        "old": "1.0",
        "egg": "2.0",
        "lodash": "4.17.20",
        "@a/b": "1.0.0",
        "inner": "2.0.0",
    }


def test_os_release_may_be_a_link_to_the_other(tmp_path: Path) -> None:
    layer = [entry("etc/os-release", tarfile.SYMTYPE, "../usr/lib/os-release"), ("usr/lib/os-release", DEBIAN)]
    found = read(write(tmp_path, layer))
    assert found.system is not None
    assert found.system.id == "debian"
    assert read(write(tmp_path, [("etc/hostname", b"x")])).system is None


# ------------------------------------------------------------------------------------------------ layers on each other

LOW = [("etc/os-release", DEBIAN), (STATUS, dpkg(("a", "1", ""))), ("x/a.dist-info/METADATA", b"Name: p\nVersion: 1\n")]


def test_the_topmost_layer_counts(tmp_path: Path) -> None:
    found = read(write(tmp_path, LOW, [(STATUS, dpkg(("a", "2", "")))]))
    assert names(found) == {"a": "2", "p": "1"}
    assert {one.name: one.layer for one in found.packages} == {"a": 1, "p": 0}


@pytest.mark.parametrize(
    ("above", "left"),
    [
        ([("x/a.dist-info/.wh.METADATA", b"")], {"a"}),
        ([("x/.wh.a.dist-info", b"")], {"a"}),
        ([(".wh.x", b"")], {"a"}),
        ([("x/.wh..wh..opq", b"")], {"a"}),
        ([(".wh..wh..opq", b"")], set()),
        ([("var/.wh.lib", b"")], {"p"}),
        # Something else in its place.
        ([("x", b"a file now")], {"a"}),
        ([entry("x/a.dist-info", tarfile.SYMTYPE, "/else")], {"a"}),
        ([entry(STATUS, tarfile.DIRTYPE)], {"p"}),
        # Folders and names that only look alike hide nothing.
        ([entry("x", tarfile.DIRTYPE), ("y/.wh.x", b""), ("x/.wh.a", b""), ("x/.wh.", b"")], {"a", "p"}),
    ],
)
def test_what_a_layer_hides(tmp_path: Path, above: list[tuple[str, bytes]], left: set[str]) -> None:
    assert set(names(read(write(tmp_path, LOW, above)))) == left


@pytest.mark.parametrize("backwards", [False, True])
def test_a_whiteout_hides_nothing_of_its_own_layer(tmp_path: Path, backwards: bool) -> None:
    above = [("x/.wh..wh..opq", b""), ("x/b.dist-info/METADATA", b"Name: q\nVersion: 1\n")]
    found = read(write(tmp_path, LOW, above[::-1] if backwards else above))
    assert set(names(found)) == {"a", "q"}


def test_a_deleted_database_comes_back_with_a_third_layer(tmp_path: Path) -> None:
    layers = write(tmp_path, LOW, [("var/lib/dpkg/.wh.status", b"")], [(STATUS, dpkg(("b", "1", "")))])
    assert set(names(read(layers[:2]))) == {"p"}
    assert set(names(read(layers))) == {"p", "b"}


# ------------------------------------------------------------------------------------------------------- hostile layers


@pytest.mark.parametrize(
    "layer",
    [
        b"",
        b"not a tar file at all" * 100,
        gzip.compress(b"not a tar file" * 100),
        gzip.compress(tar(LOW))[:200],
        b"\x28\xb5\x2f\xfd" + b"garbage",
        tar(LOW)[:700],
    ],
    ids=["empty", "text", "packed text", "cut gzip", "broken zstd", "cut tar"],
)
def test_a_damaged_layer_is_said(tmp_path: Path, layer: bytes) -> None:
    with pytest.raises(Unreadable):
        read(write(tmp_path, layer))


def test_every_cut_of_a_layer_is_read_or_refused(tmp_path: Path) -> None:
    whole = gzip.compress(tar(LOW))
    for length in range(0, len(whole), 7):
        with suppress(Unreadable):
            read(write(tmp_path, whole[:length]))


def test_random_damage_is_read_or_refused(tmp_path: Path) -> None:
    source, plain = random.Random(1), tar([*LOW, entry("l", tarfile.SYMTYPE, "m" * 200), ("n" * 300, b"x")])
    for _ in range(400):
        damaged = bytearray(plain)
        for _ in range(source.randrange(1, 20)):
            damaged[source.randrange(len(damaged))] = source.randrange(256)
        with suppress(Unreadable):
            read(write(tmp_path, bytes(damaged)))


def test_names_that_lead_out_or_are_odd(tmp_path: Path) -> None:
    layer = [
        ("../etc/os-release", DEBIAN),
        ("/var/lib/dpkg/status", dpkg(("rooted", "1", ""))),
        ("x/../../var/lib/dpkg/status.d/evil", dpkg(("evil", "1", ""))),
        ("../x.dist-info/METADATA", b"Name: outside\nVersion: 1\n"),
        ("a\udcff/node_modules/m/package.json", b'{"name": "m", "version": "1.0.0"}'),
    ]
    found = read(write(tmp_path, layer))
    assert names(found) == {"rooted": "1", "m": "1.0.0"}
    assert found.system is None
    json.dumps([one.path for one in found.packages]).encode().decode()
    assert "\ufffd" in next(one.path for one in found.packages if one.name == "m")
    [one.path.encode() for one in found.packages]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_package_data_that_is_not_a_file_is_not_read(tmp_path: Path, kind: bytes) -> None:
    member = entry(STATUS, kind, "/etc/passwd")
    member.size = 512
    # The next header would be its content.
    after = tar([("\nPackage: evil\nStatus: install ok installed\nVersion: 1\n\n", b"")], tarfile.GNU_FORMAT)
    assert names(read(write(tmp_path, member.tobuf(tarfile.GNU_FORMAT) + after))) == {}


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe\x00broken",
        b"[" * 100_000,
        b'{"name": 1, "version": []}',
        b"[]",
        b'{"name": "x", "version": ' + b"9" * 5000 + b"}",
        json.dumps({"name": "x" * 300, "version": "1"}).encode(),
        json.dumps({"name": "x\u0000y", "version": "1"}).encode(),
    ],
)
def test_bad_metadata_is_not_a_package(tmp_path: Path, content: bytes) -> None:
    layer = [
        ("node_modules/x/package.json", content),
        ("x.dist-info/METADATA", content),
        (STATUS, content),
        ("lib/apk/db/installed", content),
        ("etc/os-release", content + b"\nID='open"),
    ]
    assert read(write(tmp_path, layer)) == Contents(None, ())


def test_a_database_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    member = tarfile.TarInfo(STATUS)
    member.size = 2**40
    with pytest.raises(TooLarge, match="var/lib/dpkg/status is larger than 33554432 bytes"):
        read(write(tmp_path, member.tobuf(tarfile.GNU_FORMAT) + b"\0" * 1024))


def test_a_size_below_zero_is_refused(tmp_path: Path) -> None:
    member = tarfile.TarInfo("x")
    block = bytearray(member.tobuf(tarfile.GNU_FORMAT))
    block[124:136] = b"\xff" * 10 + b"\xf0\x00"  # base-256, negative
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    with pytest.raises(Unreadable):
        read(write(tmp_path, bytes(block) + tar([("y", b"")])))


def test_a_bomb_is_refused_when_it_unpacks_to_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "UNPACKED_BYTES", 20_000_000)
    paths = write(tmp_path, [("zeros", bytes(15_000_000))], [("zeros", bytes(15_000_000))])
    assert paths[0].stat().st_size < 100_000
    assert read(paths[:1]).packages == ()
    with pytest.raises(TooLarge, match="larger than 20000000 bytes"):
        read(paths)


def test_too_many_entries_or_packages_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "ENTRIES", 10)
    with pytest.raises(TooLarge, match="more than 10 entries"):
        read(write(tmp_path, [(f"f{number}", b"") for number in range(11)]))
    monkeypatch.setattr(packages, "PACKAGES", 5)
    with pytest.raises(TooLarge, match="more than 5 packages"):
        read(write(tmp_path, [(STATUS, dpkg(*((f"p{number}", "1", "") for number in range(6))))]))


def test_headers_that_are_too_large_are_refused(tmp_path: Path) -> None:
    long = entry("x" * 200_000, tarfile.DIRTYPE)
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        with pytest.raises(Unreadable, match="a header that is too large"):
            read(write(tmp_path, tar([long], form)))


def test_headers_without_end_are_refused(tmp_path: Path) -> None:
    header = tarfile.TarInfo.create_pax_global_header({"comment": "x"})
    with pytest.raises(Unreadable):
        read(write(tmp_path, header * 20_000 + tar([("y", b"")])))


def test_a_layer_of_many_entries_needs_little_memory(tmp_path: Path) -> None:
    paths = write(tmp_path, [(f"folder/file{number:05}", b"") for number in range(6_000)])
    tracemalloc.start()
    try:
        read(paths)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()
