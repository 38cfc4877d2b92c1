"""What the explorer shows, in words: each part of it, and as a whole `text` and `comparison_text`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ecrlab.client.explorer_model import Comparison, Image, Part, Shelf, State, Sums, Tree


def where_words(registry: str) -> str:
    """Return a registry's key in words: "123456789012 us-east-1"."""
    return registry.replace("/", " ")


def one_line(text: str, length: int) -> str:
    """Return text from a pushed image as one printable line: it may hold anything, escape sequences too."""
    text = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * length])
    text = re.sub(r"\s+", " ", text).strip()
    return text if len(text) <= length else text[: length - 1] + "…"


def size(number: int) -> str:
    """Return a number of bytes in words, in steps of 1,000: 812 B, 2.0 KB, 29.1 MB, 3.4 GB, 1.7 TB."""
    if number < 1000:
        return f"{number} B"
    for unit, step in (("KB", 10**3), ("MB", 10**6), ("GB", 10**9)):
        if number < 999.95 * step:
            return f"{number / step:.1f} {unit}"
    return f"{number / 10**12:.1f} TB"


def count(number: int, word: str) -> str:
    """Return "1 image", "2 images", "1,970 repositories"."""
    plural = word if number == 1 else word[:-1] + "ies" if word.endswith("y") else word + "s"
    if number != 1 and word == "index":
        plural = "indexes"
    return f"{number:,} {plural}"


def short(digest: str) -> str:
    """Return the beginning of a digest: "sha256:" and 12 characters."""
    algorithm, _, value = digest.partition(":")
    return f"{algorithm}:{value[:12]}"


def letters(tree: Tree) -> dict[str, str]:
    """Give each blob that several images or repositories use a letter, in the order in which the tree shows them.

    A letter stands for one blob in the whole tree; blobs of one image alone have none.
    """
    digests = [blob.digest for blob in tree.common]
    digests += [part.digest for shelf in tree.shelves for i in shelf.images for part in layers_first(i) if part.shared]
    return {digest: _letter(number) for number, digest in enumerate(dict.fromkeys(digests))}


def layers_first(image: Image) -> list[Part]:
    """Return an image's parts without repetition, the layers from the bottom up and then the config."""
    parts = {part.digest: part for part in image.parts}
    return sorted(parts.values(), key=lambda part: part.role == "config")


def _letter(number: int) -> str:
    word = ""
    while number >= 0:
        number, rest = divmod(number, 26)
        word, number = chr(65 + rest) + word, number - 1
    return word


def image_name(image: Image) -> str:
    """Return an image's tags, or "untagged"."""
    return ", ".join(image.tags) or "untagged"


def image_words(image: Image) -> str:
    """Return what a manifest is: "image linux/amd64", "index of 2 manifests", "artifact application/spdx+json"."""
    if image.kind == "index":
        return f"index of {count(image.members, 'manifest')}"
    words = f"{image.kind} {image.platform or one_line(image.artifact_type or '', 60)}".strip()
    return f"{words}, refers to its subject {short(image.subject)}" if image.subject and not image.depth else words


def sharing_words(part: Part) -> str:
    """Return who else uses a blob: "in 3 images here, in 2 repositories", or nothing."""
    here = f"in {count(part.images, 'image')} here" if part.images > 1 else ""
    there = f"in {count(part.repositories, 'repository')}" if part.repositories > 1 else ""
    return ", ".join(word for word in (here, there) if word)


def sums_words(sums: Sums) -> str:
    """Return the numbers of a repository in a line."""
    return (
        f"{count(sums.manifests, 'manifest')}, {count(sums.tags, 'tag')}, "
        f"nominal {size(sums.nominal)}, stored {size(sums.stored)}"
    )


def hidden_words(tree: Tree) -> str:
    """Return the sentence about the repositories that are not shown, or nothing."""
    if not tree.hidden.repositories:
        return ""
    chosen = f"Shown: the {count(len(tree.shelves), 'repository')} that store most. " if tree.shelves else ""
    return f"{chosen}Not shown: {count(tree.hidden.repositories, 'repository')} with {sums_words(tree.hidden)}."


def total_lines(tree: Tree) -> list[tuple[str, int, str]]:
    """Return the sums, of the whole lab with its disk: name, bytes, what it counts."""
    sums = tree.sums
    lines = [
        ("nominal", sums.nominal, "every image by itself"),
        # How layers that images share are counted on the bill, AWS does not say (A174).
        ("stored", sums.stored, "each blob once per repository; AWS does not say how it bills them"),
    ]
    if tree.only is None:  # files belong to the lab, not to a repository
        unnamed = f", {size(tree.disk_unnamed)} of it in no image" if tree.disk_unnamed else ""
        lines.append(("on this disk", tree.disk_size, f"each blob once in the whole lab{unnamed}"))
    return lines


# ---------------------------------------------------------------------------------------------------------- plain text


def text(tree: Tree, digests: bool = False) -> str:
    """Return the tree as plain lines. Without `digests` it names blobs by letters, so equal content prints equally."""
    if tree.only is None and not tree.registries:
        return "The lab has no repository yet."
    marks = letters(tree)
    sums = tree.sums
    title = f"Repository {tree.only}" if tree.only is not None else f"ECR Lab: {count(sums.repositories, 'repository')}"
    lines = [f"{title}, {count(sums.manifests, 'manifest')}, {count(sums.tags, 'tag')}"]
    lines += [f"  {name:<12}  {size(number):>9}  {words}" for name, number, words in total_lines(tree)]
    if marks:
        lines.append("  A letter marks a blob that several images or repositories use; the same letter, the same blob.")
    for registry, registry_sums in tree.registries:
        lines += ["", f"registry {where_words(registry)}: {count(registry_sums.repositories, 'repository')}"]
        for shelf in tree.shelves:
            if shelf.registry == registry:
                lines += _shelf_lines(shelf, marks, digests)
    if tree.common:
        lines += ["", "In several repositories (ECR stores these once in each; this disk once):"]
        width = max(len(marks[blob.digest]) for blob in tree.common)
        for blob in tree.common:
            names = ", ".join(name for _, name in blob.holders[:5])
            if len(blob.holders) > 5 or len(blob.holders) < blob.repositories:
                names += f" and {blob.repositories - min(5, len(blob.holders)):,} more"
            word = f"  {short(blob.digest)}" if digests else ""
            lines.append(
                f"  {marks[blob.digest]:<{width}}  {size(blob.size):>9}  "
                f"{count(blob.repositories, 'repository')}: {names}{word}"
            )
    if tree.hidden.repositories:
        lines += ["", f"{hidden_words(tree)} One of them: ecrlab tree NAME"]
    return "\n".join(line.rstrip() for line in lines)


def _shelf_lines(shelf: Shelf, marks: Mapping[str, str], digests: bool) -> Iterator[str]:
    yield f"  {shelf.name}: {sums_words(shelf.sums)}"
    if shelf.hidden:
        yield f"    {count(shelf.hidden, 'older manifest')} not shown"
    for image in shelf.images:
        pad = "    " + "  " * image.depth
        total = f", {size(image.size)}" if image.parts else ""
        yield f"{pad}{image_name(image)}: {image_words(image)}{total}{'  ' + short(image.digest) if digests else ''}"
        for part in layers_first(image):
            notes = [sharing_words(part), one_line(part.made_by, 60), short(part.digest) if digests else ""]
            tail = "  ".join(note for note in notes if note)
            yield f"{pad}  {marks.get(part.digest, '-'):<2} {part.role:<6}  {size(part.size):>9}  {tail}".rstrip()


STATES: Mapping[State, str] = {
    "same": "same",
    "moved": "same, elsewhere",
    "left": "only left",
    "right": "only right",
}


def comparison_lines(comparison: Comparison) -> list[str]:
    """Return what the comparison comes to, in sentences."""
    left, right = comparison.left, comparison.right
    lines = [
        f"Same: {size(comparison.same_size)}. Only left: {size(comparison.left_size)}. "
        f"Only right: {size(comparison.right_size)}."
    ]
    if left.image.digest == right.image.digest:
        lines.append("Both names lead to the same image.")
    lines.append(
        f"A machine that has {left.name} downloads {size(comparison.right_size)} of {size(right.image.size)} "
        f"to get {right.name}."
    )
    nominal = size(left.image.size + right.image.size)
    if comparison.together:
        lines.append(f"Nominal {nominal}; stored {size(comparison.stored)}: repository {left.repository} has both.")
    else:
        lines.append(
            f"Nominal {nominal}; stored {size(comparison.stored)}: they lie in two repositories, and ECR stores a blob "
            "once in each."
        )
    lines += [f"{side.name} is {side.chosen}." for side in (left, right) if side.chosen]
    return lines


def comparison_text(comparison: Comparison, digests: bool = False) -> str:
    """Return the comparison as plain lines. Without `digests` equal content prints equally."""
    head = ("", "part", "left", "right", "made by")
    table = [head]
    for row in comparison.rows:
        part = row.part
        left, right = (size(one.size) if one else "-" for one in (row.left, row.right))
        made = one_line(part.made_by, 60) + (f"  {short(part.digest)}" if digests else "")
        table.append((STATES[row.state], part.role, left, right, made.strip()))
    widths = [max(len(line[i]) for line in table) for i in range(5)]
    lines = [
        f"{name} {side.name}: {image_words(side.image)}, {size(side.image.size)}"
        for name, side in (("left ", comparison.left), ("right", comparison.right))
    ]
    lines.append("")
    for state, role, a, b, made in table:
        lines.append(f"{state:<{widths[0]}}  {role:<{widths[1]}}  {a:>{widths[2]}}  {b:>{widths[3]}}  {made}".rstrip())
    return "\n".join([*lines, "", *comparison_lines(comparison)])
