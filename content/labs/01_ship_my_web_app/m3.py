"""lab-01-m3: it runs. What a learner reads is in m3.md."""

from __future__ import annotations

import re

from ecrlab_course.authoring import Lab, Sentence
from ecrlab_course.authoring.evidence import short
from ecrlab_course.authoring.staging import made

from .state import (
    IRELAND,
    NAME,
    OTHER_NAME,
    SOURCE,
    WANTED,
    Container,
    Image,
    build,
    containers,
    images,
    right_ones,
    run,
    running,
    ship,
)  # fmt: skip


class Seen:
    """The engine's containers, and what ECR has of their images."""

    def __init__(self, lab: Lab) -> None:
        here = images(lab)
        self.here = {image.digest: image for image in here}
        self.wanted = {image.digest: image for image in right_ones(here)}
        self.ireland = {image.digest for image in images(lab, IRELAND)}
        self.registry, found = lab.registry, containers(lab)
        self.alive = [one for one in found if one.running]
        self.dead = [one for one in found if not one.running]
        self.nothing_seen = Sentence("no-engine") if lab.engine == "none" else Sentence("none-yet")
        self.listed = "; ".join(
            f"`{one.name}` ({'runs' if one.running else 'ended'}, started as `{one.started}`)" for one in found
        )
        self.containers_seen = Sentence("some") if found else Sentence("none")
        self._show(next((one for one in self.alive if self.is_right(one)), (*self.alive, *self.dead, None)[0]))

    def _show(self, one: Container | None) -> None:
        """Keep what is said of the container that the verdict is about."""
        image = self.image_of(one) if one else None
        self.shown = one
        self.name, self.started, self.page, self.code = (
            (one.name, one.started, one.page, one.code) if one else ("", "", "", 0)
        )
        digest = image.digest if image else next(iter(one.digests), "") if one else ""
        self.short_digest = short(digest)
        self.in_ecr = f"{image.repository}:{(*image.tags, '')[0]}" if image else ""
        self.version, self.tags = (image.version or "nothing", ", ".join(image.tags)) if image else ("", "")
        self.tags = self.tags or "none"

    def image_of(self, one: Container) -> Image | None:
        """Return the image of us-east-1 that the container runs; the one that is wanted before any other."""
        known = [self.here[digest] for digest in one.digests if digest in self.here]
        return next((image for image in known if image.digest in self.wanted), (*known, None)[0])

    def is_right(self, one: Container) -> bool:
        """Tell whether the container runs a wanted image, under an address of the registry."""
        return any(digest in self.wanted for digest in one.digests) and of_registry(one.started, self.registry)


def of_registry(name: str, registry: str) -> bool:
    """Tell whether a container was started under an address of the registry, or by an image's id, not a name."""
    host = registry.partition("/")[0]
    ours = name.startswith(f"{registry}/") or (name.startswith(f"{host}/") and ".amazonaws.com/" not in name)
    return ours or re.fullmatch(r"(sha256:)?[0-9a-f]{12,64}", name) is not None


def judge(seen: Seen) -> str:
    """Return the verdict's name in m3.md: a running container, under an address of ECR, with the image that ECR has."""
    one = seen.shown
    if one is None:
        return "untouched"
    image = seen.image_of(one)
    wanted = image is not None and image.digest in seen.wanted
    if not one.running:
        return "ended" if wanted else "untouched"
    if seen.is_right(one):
        return "passed"
    if wanted:
        return "by-irish-name" if f".{IRELAND}." in one.started else "by-laptop-name"
    return of_ecr(one, image) if image else not_of_ecr(seen, one)


def of_ecr(one: Container, image: Image) -> str:
    """Return why an image of ECR is not the right one."""
    if image.version == WANTED:
        return "untagged"
    return "edited" if one.page == WANTED else "still-old"


def not_of_ecr(seen: Seen, one: Container) -> str:
    """Return what an image is that us-east-1 does not have."""
    if seen.ireland & set(one.digests):
        return "irish-image"
    if one.digests:
        return "gone"
    return "built-again" if seen.wanted else "never-pushed"


def run_by_digest(lab: Lab) -> None:
    """Run by digest, under other names."""
    ship(lab, tag="prod", name=OTHER_NAME)
    digest = lab.client("ecr").describe_images(repositoryName=OTHER_NAME)["imageDetails"][0]["imageDigest"]
    run(lab, f"{lab.registry}/{OTHER_NAME}@{digest}")


def run_by_library(lab: Lab) -> None:
    """Run with the docker library for Python."""
    reference = ship(lab)
    made(
        lab,
        "python - <<'END'\nimport docker\n"
        f"docker.from_env().containers.run({reference!r}, name='booking', detach=True)\nEND",
    )


def run_local_name(lab: Lab) -> None:
    """Push, and run under the local name."""
    ship(lab)
    run(lab, f"booking:{WANTED}")


def run_local_path(lab: Lab) -> None:
    """Push, and run under a name of this computer that looks like a repository's."""
    ship(lab)
    made(lab, f"docker tag booking:{WANTED} {NAME}:{WANTED}")
    run(lab, f"{NAME}:{WANTED}")


def run_irish_name(lab: Lab) -> None:
    """Have the same image in both Regions, and run it under the address of Ireland."""
    ship(lab)
    run(lab, ship(lab, region=IRELAND))


def never_pushed(lab: Lab) -> None:
    """Build and run what ECR never saw; nothing is in ECR."""
    lab.clear(NAME)
    changed(lab)


def built_again(lab: Lab) -> None:
    """Push, change, build again, run."""
    ship(lab)
    changed(lab)


def changed(lab: Lab) -> None:
    """Change the source, build it and run it."""
    made(lab, f"echo '<!-- built again -->' >> {SOURCE}/www/index.html")
    build(lab)
    made(lab, f"sed -i '/built again/d' {SOURCE}/www/index.html")
    run(lab, f"booking:{WANTED}")


def still_old(lab: Lab) -> None:
    """Run 1.1 under the tag prod; then move prod to 1.2."""
    run(lab, ship(lab, version="1.1", tag="prod"))
    ship(lab, tag="prod")


def lost_its_tag(lab: Lab) -> None:
    """Run 1.2 under the tag prod, its only one; then move prod to 1.1."""
    run(lab, ship(lab, tag="prod"))
    lab.client("ecr").batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": WANTED}])
    ship(lab, version="1.1", tag="prod")


def edited_inside(lab: Lab) -> None:
    """Run 1.1, and change its page inside."""
    ship(lab)
    run(lab, ship(lab, version="1.1", tag="1.1"))
    made(lab, f"docker exec booking /bin/busybox sh -c 'echo {WANTED} > /www/version.txt'")


def from_ireland(lab: Lab) -> None:
    """Push to Ireland alone, and run from there."""
    lab.clear(NAME)
    run(lab, ship(lab, region=IRELAND))


def repository_gone(lab: Lab) -> None:
    """Run it, and delete the repository."""
    run(lab, ship(lab))
    lab.client("ecr").delete_repository(repositoryName=NAME, force=True)


TRIES = {
    "passed": {
        "docker run": running,
        "by digest, other names": run_by_digest,
        "docker library": run_by_library,
    },
    "by-irish-name": {"Ireland's name": run_irish_name},
    "by-laptop-name": {"local name": run_local_name, "local name with a slash": run_local_path},
    "untagged": {"its tag was taken": lost_its_tag},
    "edited": {"edited inside": edited_inside},
    "still-old": {"still the old one": still_old},
    "irish-image": {"from Ireland": from_ireland},
    "gone": {"repository gone": repository_gone},
    "built-again": {"built again": built_again},
    "never-pushed": {"never pushed": never_pushed},
    "ended": {"ended": lambda lab: run(lab, ship(lab), "/bin/busybox true")},
}
