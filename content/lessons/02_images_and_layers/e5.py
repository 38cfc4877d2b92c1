"""02-e5: what a second push sends, for two orders of the same lines. What a learner reads is in e5.md."""

from __future__ import annotations

from ecrlab_course.authoring import Lab
from ecrlab_course.authoring.staging import made

from .state import FAST, FIRST_PAGE, SECOND_PAGE, SLOW, build_both, sent_by_both, write_order

__all__ = ["sent_by_both"]


def one_word(lab: Lab) -> None:
    """Change a word, build both and push both, as the next cell does."""
    write_order(lab, SECOND_PAGE)
    build_both(lab, "2")


def nothing_changed(lab: Lab) -> None:
    """Build and push both again without any change."""
    build_both(lab, "2")


def other_parts(lab: Lab) -> None:
    """Change the parts as well."""
    write_order(lab, SECOND_PAGE)
    assert lab.folder is not None
    path = lab.folder / "order" / "parts.bin"
    path.write_bytes(path.read_bytes()[::-1])
    build_both(lab, "2")


def files_swapped(lab: Lab) -> None:
    """Push each under the other's name: the one with more layers is `slow` then."""
    write_order(lab, SECOND_PAGE)
    for name, file in ((SLOW, FAST), (FAST, SLOW)):
        address = f"{lab.registry}/{name}:2"
        made(lab, f"docker pull -q '{lab.registry}/{file}:1' && docker push -q '{lab.registry}/{file}:1'")
        made(lab, f"docker build -q -t '{address}' -f order/{file}.Dockerfile order && docker push -q '{address}'")


TRIES = {"b": [other_parts], "c": [nothing_changed]}


def reset(lab: Lab) -> None:
    """Write the page of before, and remove what was pushed second."""
    write_order(lab, FIRST_PAGE)
    for name in (SLOW, FAST):
        lab.client("ecr").batch_delete_image(repositoryName=name, imageIds=[{"imageTag": "2"}])
        lab.sh(f"docker rmi -f '{lab.registry}/{name}:2' >/dev/null 2>&1 || true")
