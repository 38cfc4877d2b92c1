"""04-e11: one image, two names. What a learner reads is in e11.md."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import cached_property

from ecrlab.home import REGION
from ecrlab_course.authoring import Lab, Refused, as_words, push, requests
from ecrlab_course.authoring.evidence import own_images, repositories, resource_tag_like, short, tags
from ecrlab_course.authoring.staging import log_in, log_out, make_repository, name_again

from .state import APP, push_app

TEAM = "team-a/booking"
NAMES = ("1.0", "stable")
IRELAND = "eu-west-1"
GOALS = tuple(push(TEAM, name, by="") for name in NAMES)


class Seen:
    """What is in Dara's repository, what was made in its place, and what this computer calls so."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.repositories = repositories(lab)
        self.tags = tags(lab, TEAM)
        self.missing_tags = [name for name in NAMES if name not in self.tags]
        self.missing = min(self.missing_tags, default="")
        self.other_case = next((tag for tag in self.tags if tag not in NAMES and tag.lower() == self.missing), "")
        self.first, self.second = (short(self.tags.get(name, "")) for name in NAMES)
        self.digest = self.tags.get(NAMES[0], "")
        self.others = sum(1 for one in own_images(lab, TEAM) if one["imageDigest"] != self.digest)
        made = [row.row for row in requests(lab, "ecr") if row.operation == "CreateRepository" and row.ok]
        regions = [IRELAND, *sorted({str(row["region"]) for row in made} - {REGION, IRELAND})]
        self.region = next((at for at in regions if TEAM in repositories(lab, at)), "")
        self.made_names = [name for name in self.repositories if is_near(name)]
        pushes = [row for row in requests(lab, "registry") if row.row["region"] == REGION and f"/{TEAM}/" in row.path]
        accepted = [row for row in pushes if row.puts(TEAM)]
        self.refused = any(row.lacks_repository for row in pushes)
        # Of both, the later one counts.
        self.gone = bool(accepted) and not any(row.lacks_repository for row in pushes if row.seq > accepted[-1].seq)
        self.resource_tag = resource_tag_like(lab, TEAM, self.missing_tags)
        self.made = as_words(self.made_names)
        self.repositories_seen = as_words(self.repositories) or "no repository"
        self.tags_seen = as_words(sorted(self.tags)) or "no tag"
        self.missing_seen = as_words(self.missing_tags)

    @cached_property
    def local(self) -> list[str]:
        """The addresses in Dara's repository that docker knows on this computer."""
        _, here = self._lab.sh("docker image ls --format '{{.Repository}}:{{.Tag}}' || true")
        found = [name.partition("amazonaws.com/")[2] for name in here.split() if "<none>" not in name]
        return [name for name in found if name.startswith(f"{TEAM}:")]

    @cached_property
    def local_name(self) -> str:
        """The first of these that ECR lacks."""
        return next((name for name in self.local if name.rpartition(":")[2] not in self.tags), "")


def is_near(name: str) -> bool:
    """Tell whether a repository's name is like the wanted one, and another."""
    return name != TEAM and re.search(r"team|^book", name) is not None


def judge(seen: Seen) -> str:
    """Return the verdict's name in e11.md: the repository, then the tags, then one digest behind both."""
    if TEAM not in seen.repositories:
        return without_repository(seen)
    if seen.missing_tags:
        return without_tag(seen)
    if seen.tags["1.0"] != seen.tags["stable"]:
        return "two-images"
    return "others" if seen.others else "passed"


def without_repository(seen: Seen) -> str:
    """Return what there is in place of the repository."""
    if seen.region:
        return "in-another-region"
    if seen.gone:
        return "gone"
    if seen.refused:
        return "folder" if "team-a" in seen.made_names else "never-made"
    if seen.made_names:
        if any(name.startswith(f"{TEAM}/") for name in seen.made_names):
            return "tag-in-the-name"
        return "folder" if "team-a" in seen.made_names else "other-name"
    return "only-named" if seen.local_name else "untouched"


def without_tag(seen: Seen) -> str:
    """Return what there is in place of a tag."""
    if seen.other_case:
        return "other-case"
    if any(name.rpartition(":")[2] in seen.missing_tags for name in seen.local):
        return "names-only-here"
    if seen.resource_tag:
        return "resource-tag"
    return "missing-tag" if seen.tags else "empty"


# Tries


def repository(lab: Lab) -> None:
    """Make Dara's repository."""
    make_repository(lab, TEAM)


def one_image(lab: Lab, *names: str, repository: str = TEAM, profile: str = "admin", region: str = REGION) -> None:
    """Push the same bytes under each name."""
    for name in names or NAMES:
        lab.push(repository, name, b"booking", profile, region)


def by_docker(lab: Lab) -> None:
    """One image of the engine, pushed under two names."""
    log_in(lab)
    for tag in NAMES:
        push_app(lab, tag, name=TEAM)


def by_put_image(lab: Lab) -> None:
    """One push; the second name by PutImage with the same manifest."""
    one_image(lab, "1.0")
    name_again(lab, TEAM, "stable", imageTag="1.0")


def refused(lab: Lab) -> None:
    """Push to the repository that nobody made."""
    with suppress(Refused):
        one_image(lab)
        raise AssertionError("ECR created a repository because of a push")


def robot_pushes(lab: Lab) -> None:
    """Let the robot push, which may only pull."""
    with suppress(Refused):
        one_image(lab, profile="ci")


def two_builds(lab: Lab) -> None:
    """Two different images under the two names."""
    lab.push(TEAM, "1.0", b"one")
    lab.push(TEAM, "stable", b"two")


def moved(lab: Lab) -> None:
    """Two images; then the second name is given to the first image."""
    two_builds(lab)
    name_again(lab, TEAM, "stable", imageTag="1.0")


def named(*tags: str) -> list[object]:
    """Give an image of this computer Dara's address under each tag, and send nothing."""
    return [lambda lab, tag=tag: lab.sh(f'docker tag {APP}:1.0 "$REGISTRY/{TEAM}:{tag}"') for tag in tags]


def named_in_a_loop(lab: Lab) -> None:
    """The same by a loop: what each name is stands nowhere in the text."""
    lab.sh(f'for tag in {" ".join(NAMES)}; do docker tag {APP}:1.0 "$REGISTRY/{TEAM}:$tag"; done')


def taken_away(lab: Lab) -> None:
    """Remove the repository, as a reset of the lesson does."""
    lab.clear(TEAM)


def resource_tag(lab: Lab) -> None:
    """Give the repository a resource tag that is called like the second name."""
    arn = f"arn:aws:ecr:{REGION}:{lab.account}:repository/{TEAM}"
    lab.client("ecr").tag_resource(resourceArn=arn, tags=[{"Key": "stable", "Value": "1.0"}])


def in_ireland(lab: Lab) -> None:
    """All that was wanted, in the other Region."""
    make_repository(lab, TEAM, IRELAND)
    one_image(lab, region=IRELAND)


def made(*names: str) -> list[object]:
    """Make other repositories."""
    return [lambda lab, name=name: make_repository(lab, name) for name in names]


TRIES = {
    "passed": {
        "docker, two tags": [repository, by_docker],
        "one push, then put-image": [repository, by_put_image],
        "refused first, then made, the second name first": [
            refused,
            repository,
            lambda lab: one_image(lab, "stable", "1.0"),
        ],
        "Dara pushes herself": [repository, lambda lab: one_image(lab, profile="developer")],
        "after a try in Ireland": [in_ireland, repository, one_image],
    },
    "others": {
        "two builds, then one of them under both names": [repository, moved],
    },
    "in-another-region": [in_ireland],
    "untouched": {"a repository for something else": made("receipts")},
    "folder": {
        "a repository team-a, and a push below it": [*made("team-a"), refused],
        "a repository team-a": made("team-a"),
    },
    "tag-in-the-name": [made(f"{TEAM}/1.0", f"{TEAM}/stable")],
    "other-name": {
        "without the team": [*made("booking"), lambda lab: one_image(lab, repository="booking")],
        "a dash for the slash": [*made("team-a-booking"), lambda lab: one_image(lab, repository="team-a-booking")],
    },
    "never-made": {
        "pushed, and nothing made": [refused],
        "made and taken away before the push": [repository, one_image, taken_away, refused],
    },
    "gone": {
        "pushed, then the lab reset": [repository, one_image, taken_away],
        "refused first, pushed, then deleted": [
            refused,
            repository,
            by_docker,
            lambda lab: lab.client("ecr").delete_repository(repositoryName=TEAM, force=True),
        ],
    },
    "resource-tag": [[repository, lambda lab: one_image(lab, "1.0"), resource_tag]],
    "only-named": {"two names on this computer, by a loop": [named_in_a_loop]},
    "only-tagged": {
        "two names on this computer": named(*NAMES),
        "the repository, and two names on this computer": [repository, *named(*NAMES)],
    },
    "empty": {"the repository, and no image": [repository]},
    "names-only-here": {
        "pushed once, named by a loop": [repository, lambda lab: one_image(lab, "1.0"), named_in_a_loop],
    },
    "other-case": [[repository, lambda lab: one_image(lab, "1.0", "Stable")]],
    "missing-tag": {"one name": [repository, lambda lab: one_image(lab, "1.0")]},
    "other-tag": {"both names in one tag": [repository, lambda lab: one_image(lab, "1.0-stable")]},
    "two-images": [[repository, two_builds]],
    "no-login": {
        "without a login": [repository, lambda lab: log_out(lab, "admin"), lambda lab: push_app(lab, "1.0", name=TEAM)]
    },
    "other-repository": {"both names in another repository": [repository, lambda lab: one_image(lab, repository=APP)]},
    "action-not-named": {"by the robot": [repository, robot_pushes]},
}


def reset(lab: Lab) -> None:
    """Remove what was made for Dara's team, here and in Ireland, and the names on this computer."""
    for region in (REGION, IRELAND):
        lab.clear(TEAM, *filter(is_near, repositories(lab, region)), region=region)
    lab.sh(f'docker rmi -f "$REGISTRY/{TEAM}:1.0" "$REGISTRY/{TEAM}:stable" >/dev/null 2>&1 || true')
