"""What the explorer reads from a store, and its plain text."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecrlab.client import explorer_model, explorer_text
from ecrlab.client.explorer_model import Comparison, ExplorerError, Tree
from ecrlab.server import explorer
from ecrlab.store import Repository, Store, digest_of

from .growth import grow
from .images import blob, put, put_artifact, put_document, put_index

REGISTRY = "123456789012/us-east-1"
BASE, LIBRARY = blob(400_000, "base"), blob(30_000, "library")
STEPS = ("/bin/sh -c #(nop) ADD file:1 in / ", "RUN /bin/sh -c pip install flask # buildkit", 'CMD ["run"]')


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def web(store: Store) -> Repository:
    """Three images in a repository: 1.0 and 1.1 share two layers, 2.0 shares one."""
    repository = store.create_repository(REGISTRY, "my-web-app", now=1)
    put(store, repository, "1.0", [BASE, LIBRARY, blob(1000, "app 1.0")], now=1)
    put(store, repository, "1.1", [BASE, LIBRARY, blob(1100, "app 1.1")], now=2)
    put(store, repository, "2.0", [BASE, blob(2000, "app 2.0")], now=3)
    return repository


def config_size(store: Store, repository: Repository, tag: str) -> int:
    manifest = store.manifest(repository, tag)
    assert manifest is not None
    return int(json.loads(manifest.content)["config"]["size"])


def test_nominal_counts_every_image_and_stored_every_blob_once(store: Store, web: Repository) -> None:
    sums = explorer.read(store).sums
    configs = sum(config_size(store, web, tag) for tag in ("1.0", "1.1", "2.0"))
    own = 1000 + 1100 + 2000 + configs
    assert sums.nominal == 3 * 400_000 + 2 * 30_000 + own
    assert sums.stored == 400_000 + 30_000 + own
    assert (sums.repositories, sums.manifests, sums.tags) == (1, 3, 3)


def test_a_second_tag_takes_no_room(store: Store, web: Repository) -> None:
    before = explorer.read(store).sums
    manifest = store.manifest(web, "2.0")
    assert manifest is not None
    put_document(store, web, "latest", json.loads(manifest.content))
    after = explorer.read(store)
    assert (after.sums.nominal, after.sums.stored) == (before.nominal, before.stored)
    assert after.sums.tags == before.tags + 1
    assert after.shelves[0].images[-1].tags == ("2.0", "latest")


def test_sizes_of_shown_images_add_up_to_the_sums(store: Store, web: Repository) -> None:
    [shelf] = explorer.read(store, "my-web-app").shelves
    assert sum(image.size for image in shelf.images) == shelf.sums.nominal
    once = {part.digest: part.size for image in shelf.images for part in image.parts}
    assert sum(once.values()) == shelf.sums.stored


def test_two_repositories_store_a_blob_twice_and_the_disk_has_it_once(store: Store, web: Repository) -> None:
    partner = store.create_repository("444455556666/eu-west-1", "copy", now=1)
    image = put(store, partner, "1", [BASE], now=1)
    tree = explorer.read(store)
    assert tree.sums.stored == sum(shelf.sums.stored for shelf in tree.shelves)
    assert tree.disk_size == tree.sums.stored - 400_000
    assert [registry for registry, _ in tree.registries] == [REGISTRY, "444455556666/eu-west-1"]
    [common] = tree.common
    assert (common.digest, common.repositories) == (digest_of(BASE), 2)
    assert common.holders == ((REGISTRY, "my-web-app"), ("444455556666/eu-west-1", "copy"))
    store.delete_manifest(partner, image.digest)
    left = explorer.read(store)
    assert left.common == ()
    assert left.disk_size == tree.disk_size
    assert left.disk_unnamed == tree.shelves[1].sums.stored - 400_000


def test_a_part_says_who_else_uses_it(store: Store, web: Repository) -> None:
    other = store.create_repository(REGISTRY, "other", now=1)
    put(store, other, "1", [LIBRARY])
    shelf = explorer.read(store).shelves[0]
    parts = {part.digest: part for part in shelf.images[0].parts}
    assert (parts[digest_of(BASE)].images, parts[digest_of(BASE)].repositories) == (3, 1)
    assert (parts[digest_of(LIBRARY)].images, parts[digest_of(LIBRARY)].repositories) == (2, 2)
    assert not parts[digest_of(blob(1000, "app 1.0"))].shared


def test_an_index_comes_before_its_images_in_its_own_order(store: Store) -> None:
    repository = store.create_repository(REGISTRY, "multi", now=1)
    members = [
        (put(store, repository, None, [blob(500, name)], config={"architecture": name}, now=now), name)
        for now, name in ((5.0, "riscv64"), (4.0, "arm64"), (3.0, "amd64"))
    ]
    put_index(store, repository, "1", members, now=6)
    [shelf] = explorer.read(store).shelves
    assert [(image.kind, image.depth, image.platform) for image in shelf.images] == [
        ("index", 0, None),
        ("image", 1, "linux/riscv64"),
        ("image", 1, "linux/arm64"),
        ("image", 1, "linux/amd64"),
    ]
    assert shelf.images[0].members == 3
    assert shelf.images[0].size == 0


def test_an_artifact_stands_below_its_subject(store: Store, web: Repository) -> None:
    subject = store.manifest(web, "1.0")
    assert subject is not None
    put_artifact(store, web, subject, "application/spdx+json", b"bill of materials")
    [shelf] = explorer.read(store).shelves
    assert [image.kind for image in shelf.images] == ["image", "artifact", "image", "image"]
    assert shelf.images[1].subject == subject.digest
    assert shelf.images[1].artifact_type == "application/spdx+json"
    assert "untagged: artifact application/spdx+json" in explorer_text.text(explorer.read(store))


def test_an_artifact_whose_subject_is_not_there_names_it(store: Store, web: Repository) -> None:
    subject = store.manifest(web, "1.0")
    assert subject is not None
    put_artifact(store, web, subject, "application/spdx+json", b"bill of materials")
    store.delete_manifest(web, subject.digest)
    assert f"refers to its subject {subject.digest[:19]}" in explorer_text.text(explorer.read(store))


def test_a_manifest_below_two_others_is_shown_once(store: Store, web: Repository) -> None:
    """An index may list what another index lists, or what refers to it already."""
    image = store.manifest(web, "1.0")
    assert image is not None
    index = put_index(store, web, "all", [(image, "amd64")], now=9)
    document = json.loads(image.content)
    document["subject"] = {"mediaType": index.media_type, "digest": index.digest, "size": index.size}
    referrer = put_document(store, web, None, document, now=10)
    put_index(store, web, "more", [(referrer, "amd64")], now=11)
    [shelf] = explorer.read(store).shelves
    digests = [image.digest for image in shelf.images]
    assert len(digests) == len(set(digests)) == shelf.sums.manifests


def test_build_steps_are_read_from_the_history(store: Store) -> None:
    repository = store.create_repository(REGISTRY, "steps", now=1)
    put(store, repository, "1", [BASE, LIBRARY], steps=STEPS)
    put(store, repository, "odd", [BASE], steps=STEPS)
    one, odd = explorer.read(store).shelves[0].images
    assert [part.made_by for part in one.parts] == ["", "ADD file:1 in /", "RUN pip install flask"]
    assert [part.made_by for part in odd.parts] == ["", ""], "a history that does not fit its layers says nothing"


def test_what_an_image_says_of_itself_cannot_write_to_the_terminal(store: Store) -> None:
    repository = store.create_repository(REGISTRY, "evil", now=1)
    put(
        store,
        repository,
        "1",
        [BASE],
        steps=("RUN \x1b[2J\x1b]0;title\x07 echo\nregistry forged",),
        config={"os": "\x1b[31m"},
    )
    words = explorer_text.text(explorer.read(store))
    assert all(letter.isprintable() for line in words.splitlines() for letter in line)
    assert not any(line.startswith("registry forged") for line in words.splitlines())


def test_a_config_that_is_not_json_or_gone_is_not_an_error(store: Store) -> None:
    repository = store.create_repository(REGISTRY, "odd", now=1)
    image = put(store, repository, "1", [BASE])
    path = store.blob_path(json.loads(image.content)["config"]["digest"])
    path.write_bytes(b"[" * 100_000)
    assert explorer.read(store).shelves[0].images[0].platform is None
    path.unlink()
    assert explorer.read(store).shelves[0].images[0].platform is None


def test_looking_keeps_nothing_from_garbage_collection(store: Store, web: Repository) -> None:
    store.put_blob(web, b"loose")
    explorer.read(store)
    assert digest_of(b"loose") in {blob.digest for blob in store.blobs(web)}
    store._garbage.touched.clear()  # as if the upload were an hour old
    explorer.read(store)
    explorer.compare(store, "my-web-app:1.0", "my-web-app:2.0")
    assert store._garbage.touched == {}


def test_the_newest_images_are_shown_and_the_rest_is_counted(store: Store, web: Repository) -> None:
    [shelf] = explorer.read(store, "my-web-app", images=2).shelves
    assert [image.tags for image in shelf.images] == [("1.1",), ("2.0",)]
    assert shelf.hidden == 1
    assert "1 older manifest not shown" in explorer_text.text(explorer.read(store, images=2))


def test_the_largest_repositories_are_shown_and_the_rest_is_counted(store: Store, web: Repository) -> None:
    for number in range(4):
        put(store, store.create_repository(REGISTRY, f"small-{number}", now=1), "1", [blob(10 + number, f"s{number}")])
    tree = explorer.read(store, repositories=2)
    assert [shelf.name for shelf in tree.shelves] == ["my-web-app", "small-3"]
    assert tree.hidden.repositories == 3
    assert tree.sums.repositories == 5
    assert "Not shown: 3 repositories" in explorer_text.text(tree)


@pytest.mark.parametrize(
    "name",
    [
        "my-web-app",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/my-web-app",
        "localhost:4510/123456789012.dkr.ecr.us-east-1.amazonaws.com/my-web-app",
    ],
)
def test_a_repository_is_found_by_name_and_by_address(store: Store, web: Repository, name: str) -> None:
    assert [shelf.name for shelf in explorer.read(store, name).shelves] == ["my-web-app"]
    assert explorer.compare(store, f"{name}:1.0", f"{name}:1.1").together


def test_a_name_in_several_other_registries_is_asked_back(store: Store, web: Repository) -> None:
    for registry in ("111122223333/us-east-1", "444455556666/eu-west-1"):
        store.create_repository(registry, "shared", now=1)
    with pytest.raises(ExplorerError, match="111122223333 us-east-1, 444455556666 eu-west-1"):
        explorer.read(store, "shared")
    tree = explorer.read(store, "444455556666.dkr.ecr.eu-west-1.amazonaws.com/shared")
    assert tree.shelves[0].registry == "444455556666/eu-west-1"


def test_what_is_not_there_is_said_with_what_is(store: Store, web: Repository) -> None:
    with pytest.raises(ExplorerError, match=r"has no repository my-web-ap\. It has my-web-app"):
        explorer.read(store, "my-web-ap")
    with pytest.raises(ExplorerError, match=r"has no image 3\.0\. It has 1\.0, 1\.1, 2\.0\."):
        explorer.compare(store, "my-web-app:1.0", "my-web-app:3.0")
    with pytest.raises(ExplorerError, match="has no image latest"):
        explorer.compare(store, "my-web-app", "my-web-app:1.0")
    with pytest.raises(ExplorerError, match="0 to 5000, not 5001"):
        explorer.read(store, images=5001)


def test_an_empty_lab_says_so(store: Store) -> None:
    assert explorer_text.text(explorer.read(store)) == "The lab has no repository yet."


# Comparing


def states(comparison: Comparison) -> list[tuple[str, str]]:
    return [(row.state, row.part.role) for row in comparison.rows]


def test_two_images_are_compared_layer_by_layer(store: Store, web: Repository) -> None:
    comparison = explorer.compare(store, "my-web-app:1.0", "my-web-app:1.1")
    assert states(comparison) == [
        ("same", "layer"),
        ("same", "layer"),
        ("left", "layer"),
        ("right", "layer"),
        ("left", "config"),
        ("right", "config"),
    ]
    assert comparison.same_size == 430_000
    assert comparison.left_size == 1000 + config_size(store, web, "1.0")
    assert comparison.right_size == 1100 + config_size(store, web, "1.1")
    assert comparison.stored == comparison.same_size + comparison.left_size + comparison.right_size
    words = explorer_text.comparison_text(comparison)
    assert "A machine that has my-web-app:1.0 downloads 1.2 KB of 431.2 KB to get my-web-app:1.1." in words
    assert "Nominal 862.2 KB; stored 432.2 KB" in words


def test_a_layer_at_another_place_is_the_same_blob(store: Store) -> None:
    repository = store.create_repository(REGISTRY, "order", now=1)
    put(store, repository, "a", [BASE, LIBRARY, blob(9, "x")])
    put(store, repository, "b", [LIBRARY, BASE, blob(9, "x")])
    comparison = explorer.compare(store, "order:a", "order:b")
    assert [row.state for row in comparison.rows].count("moved") == 2
    assert comparison.same_size == 430_009
    assert {row.part.digest for row in comparison.rows if row.state in ("left", "right")} == {
        part.digest
        for side in (comparison.left, comparison.right)
        for part in side.image.parts
        if part.role == "config"
    }


def test_images_of_two_repositories_are_stored_in_each(store: Store, web: Repository) -> None:
    put(store, store.create_repository(REGISTRY, "other", now=1), "latest", [BASE])
    comparison = explorer.compare(store, "my-web-app:1.0", "other")
    assert not comparison.together
    assert comparison.stored == comparison.left.image.size + comparison.right.image.size
    assert "two repositories" in explorer_text.comparison_text(comparison)


def test_the_same_image_under_two_names(store: Store, web: Repository) -> None:
    manifest = store.manifest(web, "1.0")
    assert manifest is not None
    comparison = explorer.compare(store, "my-web-app:1.0", f"my-web-app@{manifest.digest}")
    assert {row.state for row in comparison.rows} == {"same"}
    assert "Both names lead to the same image." in explorer_text.comparison_text(comparison)
    assert comparison.right_size == 0


def test_of_an_index_the_amd64_image_is_compared(store: Store, web: Repository) -> None:
    arm = put(store, web, None, [blob(700, "arm")], config={"architecture": "arm64"})
    amd = put(store, web, None, [BASE, blob(800, "amd")])
    put_index(store, web, "multi", [(arm, "arm64"), (amd, "amd64")])
    comparison = explorer.compare(store, "my-web-app:1.0", "my-web-app:multi")
    assert comparison.right.image.digest == amd.digest
    assert "my-web-app:multi is an index; its image for linux/amd64 is compared." in explorer_text.comparison_text(
        comparison
    )


def test_an_index_without_images_cannot_be_compared(store: Store, web: Repository) -> None:
    put_document(store, web, "none", {"schemaVersion": 2, "manifests": []})
    with pytest.raises(ExplorerError, match="names no image with layers"):
        explorer.compare(store, "my-web-app:1.0", "my-web-app:none")


# JSON and words


def test_trees_and_comparisons_survive_json(store: Store, web: Repository) -> None:
    subject = store.manifest(web, "1.0")
    assert subject is not None
    put_artifact(store, web, subject, "application/spdx+json", b"bill of materials")
    for tree in (explorer.read(store), explorer.read(store, "my-web-app")):
        assert explorer_model.from_json(Tree, json.loads(json.dumps(explorer_model.to_json(tree)))) == tree
    comparison = explorer.compare(store, "my-web-app:1.0", "my-web-app:2.0")
    assert (
        explorer_model.from_json(Comparison, json.loads(json.dumps(explorer_model.to_json(comparison)))) == comparison
    )


def test_the_text_names_no_digest_unless_asked(store: Store, web: Repository) -> None:
    tree = explorer.read(store)
    comparison = explorer.compare(store, "my-web-app:1.0", "my-web-app:1.1")
    assert "sha256" not in explorer_text.text(tree) + explorer_text.comparison_text(comparison)
    assert digest_of(BASE)[:19] in explorer_text.text(tree, digests=True)
    assert digest_of(BASE)[:19] in explorer_text.comparison_text(comparison, digests=True)


def test_a_letter_stands_for_one_shared_blob(store: Store, web: Repository) -> None:
    tree = explorer.read(store)
    assert explorer_text.letters(tree) == {digest_of(BASE): "A", digest_of(LIBRARY): "B"}
    lines = explorer_text.text(tree).splitlines()
    assert sum(line.strip().startswith("A  layer    400.0 KB") for line in lines) == 3
    assert [explorer_text._letter(number) for number in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 KB"),
        (999_949, "999.9 KB"),
        (999_950, "1.0 MB"),
        (2_500_000_000, "2.5 GB"),
        (1_686_000_000_000, "1.7 TB"),
    ],
)
def test_sizes_in_words(number: int, words: str) -> None:
    assert explorer_text.size(number) == words


@pytest.mark.parametrize(
    ("repositories", "images"), [(200, 5000), pytest.param(2000, 50_000, marks=pytest.mark.soak, id="soak")]
)
def test_a_large_lab_is_read_in_seconds(store: Store, repositories: int, images: int) -> None:
    grow(store, repositories, images)
    begun = time.perf_counter()
    tree = explorer.read(store)
    whole = time.perf_counter() - begun
    begun = time.perf_counter()
    one = explorer.read(store, "team-7/service-00007")
    single = time.perf_counter() - begun
    print(f"\n{repositories} repositories, {images} images: all {whole:.2f} s, one repository {single:.3f} s")
    assert tree.sums.manifests == images
    assert len(tree.shelves) == explorer_model.REPOSITORIES
    assert sum(len(shelf.images) for shelf in tree.shelves) <= explorer_model.IMAGES
    assert tree.hidden.repositories == repositories - explorer_model.REPOSITORIES
    assert len(json.dumps(explorer_model.to_json(tree))) < 300_000
    assert len(one.shelves[0].images) == 25
    # A quiet machine of two cores takes about 1 s for all of the large one; a busy one must not fail here.
    assert whole < 15
    assert single < 2
