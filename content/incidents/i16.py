"""Incident 16: Ireland has not what Virginia has. What a learner reads is in i16.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ecrlab.home import ACCOUNT
from ecrlab_course.desk.town import LOGIN, PULL, Open, Ran, Town, allow, run_again

JOB, BACKFILL = "jobs/ireland.sh", "jobs/backfill.py"
IRELAND, FRANKFURT = "eu-west-1", "eu-central-1"
OURS = "web/"
"""The prefix that our rule is to have."""
TOOL = Path(__file__).parents[1] / "lessons" / "07_elastic" / "files" / "backfill.py"
"""The learner's tool of lesson 07: the aws command has no backfill (fact A175)."""


def before(town: Town) -> None:
    """Let Omar's group pull from any Region; write his job and the tool for a backfill."""
    town.registry(IRELAND)
    anywhere = f"arn:aws:ecr:*:{ACCOUNT}:repository/web/*"
    town.group_policy("operators", "pull-web", LOGIN, allow(PULL, anywhere))
    repository, tag = town.release
    town.write(
        JOB,
        "#!/bin/bash\n# ireland.sh: has Ireland the release that Virginia has?\n"
        f"image=$REGISTRY_EU/{repository}:{tag}\n"
        f"aws ecr get-login-password --region {IRELAND} |\n"
        '  docker login --username AWS --password-stdin "$REGISTRY_EU" >/dev/null\n'
        'docker pull -q "$image" || exit 1\n'
        "got=$(docker image inspect -f '{{.RepoDigests}}' \"$image\")\n"
        '[[ $got == *$(cat deploy/release.digest)* ]] || { echo "not the image of Virginia: $got"; exit 1; }\n',
    )
    town.write(BACKFILL, TOOL.read_text(encoding="utf-8"), 0o644)


def rule(town: Town, prefix: str, *regions: str, source: str = "us-east-1") -> None:
    """Set the one replication rule of a Region's registry; an empty prefix means all repositories."""
    filters = [{"filter": prefix, "filterType": "PREFIX_MATCH"}] if prefix else []
    destinations = [{"region": region, "registryId": ACCOUNT} for region in regions]
    one = {"destinations": destinations, **({"repositoryFilters": filters} if filters else {})}
    ecr = town.client("ecr", region=source)
    ecr.put_replication_configuration(replicationConfiguration={"rules": [one]})


def released(town: Town) -> None:
    """Let the robot push the release in Virginia; write down its digest."""
    repository, tag = town.release
    town.notes["digest"] = town.push(repository, tag, bytes_of_release(town))
    town.write("deploy/release.digest", town.notes["digest"] + "\n", 0o644)
    town.settle()


def bytes_of_release(town: Town) -> bytes:
    """Return what the release holds."""
    return f"release {town.release[1]}".encode()


def bytes_of_trial(town: Town) -> bytes:
    """Return what the trial in Ireland holds."""
    return f"trial {town.release[1]}".encode()


# Seeds


def filter_misses(town: Town) -> None:
    """Give the rule a prefix with which the repository's name does not begin."""
    rule(town, ("web-", "prices")[town.seed], IRELAND)
    released(town)


def rule_came_later(town: Town) -> None:
    """Set the rule after the push; with seed 1 a later tag was copied."""
    released(town)
    town.advance(hours=2)
    rule(town, OURS, IRELAND)
    if town.seed == 1:
        town.push(town.release[0], "2.2", b"a later one")
        town.settle()


def other_region(town: Town) -> None:
    """Send the copies to Frankfurt."""
    rule(town, OURS, FRANKFURT)
    released(town)


def chain(town: Town) -> None:
    """Send the copies to Frankfurt, where a rule names Ireland."""
    rule(town, OURS, FRANKFURT)
    rule(town, OURS, IRELAND, source=FRANKFURT)
    released(town)


def tag_was_taken(town: Town) -> None:
    """Let a trial in Ireland have the tag, in a repository that locks its tags."""
    repository, tag = town.release
    ireland = town.client("ecr", region=IRELAND)
    ireland.create_repository(repositoryName=repository, imageTagMutability="IMMUTABLE")
    town.push(repository, tag, bytes_of_trial(town), "admin", IRELAND)
    rule(town, OURS, IRELAND)
    released(town)


SEEDS = {"a": filter_misses, "b": rule_came_later, "c": other_region, "d": chain, "f": tag_was_taken}


def symptom(town: Town, ran: Ran) -> bool:
    """Tell whether Ireland has no such image, or another one."""
    said = ("does not exist", "not found", "not the image of Virginia")
    return ran.code != 0 and any(text in ran.text for text in said)


# What closes it


def closed(town: Town, cause: str) -> Iterator[Open]:
    """Yield what is still open: Virginia's own image, the lock, the next push, what is not to be copied."""
    repository, tag = town.release
    if town.digest(repository, tag) != town.notes["digest"]:
        yield Open("changed-here", tag=tag)
        return
    if town.digest(repository, tag, IRELAND) != town.notes["digest"]:
        yield Open("not-there", tag=tag)
        return
    following = f"next-{town.lab.last()}"  # a new one each time
    town.push(repository, following, following.encode())
    town.push("dev/booking", following, following.encode(), "developer")
    town.settle()
    if not town.digest(repository, following, IRELAND):
        yield Open("next-not-there", repository=repository)
    elif town.digest("dev/booking", following, IRELAND):
        yield Open("dev-copied")


def gone(town: Town) -> list[tuple[str, str | None]]:
    """Return what the ticket itself removes: the trial in Ireland."""
    return [town.release]


# Fixes


def right_rule(town: Town) -> None:
    """Set the rule as it should be, and copy what was there before it."""
    rule(town, OURS, IRELAND)
    backfill(town)


def both_regions(town: Town) -> None:
    """Let the rule name both Regions, and copy what was there before it."""
    rule(town, OURS, FRANKFURT, IRELAND)
    backfill(town)


def make_room(town: Town) -> None:
    """Delete the trial that has the tag, and copy again."""
    repository, tag = town.release
    ireland = town.client("ecr", region=IRELAND)
    ireland.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": tag}])
    backfill(town)


def backfill(town: Town) -> None:
    """Copy what was there before the rule."""
    ran = town.sh(f"python {BACKFILL} {IRELAND}")
    if ran.code:
        raise RuntimeError(ran.text)


FIXES = {"a": right_rule, "b": backfill, "c": both_regions, "d": both_regions, "f": make_room}


# Wrong fixes


def wait_an_hour(town: Town) -> None:
    """Wait for a copy that is only late."""
    town.advance(hours=1)


def copy_everything(town: Town) -> None:
    """Set a rule without a filter, and copy what was there before it."""
    rule(town, "", IRELAND)
    backfill(town)


def push_there(town: Town) -> None:
    """Push the release in Ireland by hand."""
    repository, tag = town.release
    ireland = town.client("ecr", region=IRELAND)
    if repository not in town.stock(IRELAND):
        ireland.create_repository(repositoryName=repository)
    town.push(repository, tag, bytes_of_release(town), "admin", IRELAND)


def unlock_and_push_there(town: Town) -> None:
    """Let tags be overwritten in Ireland, and push the release there by hand."""
    ireland = town.client("ecr", region=IRELAND)
    ireland.put_image_tag_mutability(repositoryName=town.release[0], imageTagMutability="MUTABLE")
    push_there(town)


def say_yes(town: Town) -> None:
    """Let the job ask nothing."""
    town.write(JOB, "#!/bin/bash\n# ireland.sh: has Ireland the release that Virginia has?\necho yes\n")


def release_the_trial(town: Town) -> None:
    """Push the trial in Virginia as the release, and let the deployment expect it."""
    repository, tag = town.release
    digest = town.push(repository, tag, bytes_of_trial(town), "admin")
    town.write("deploy/release.digest", digest + "\n", 0o644)


WAITED = {
    "the same again": (run_again, "still"),
    "waited an hour": (wait_an_hour, "still"),
    "a job that asks nothing": (say_yes, "not-there"),
}
COMMON = {
    **WAITED,
    "a rule without a filter": (copy_everything, "dev-copied"),
    "pushed there by hand": (push_there, "next-not-there"),
}
WRONG = {
    "a": COMMON,
    "b": {**WAITED, "a rule without a filter": (copy_everything, "dev-copied")},
    "c": COMMON,
    "d": COMMON,
    "f": {
        **WAITED,
        "a rule without a filter": (copy_everything, "still"),
        "the trial released here": (release_the_trial, "changed-here"),
        "unlocked, and pushed there by hand": (unlock_and_push_there, "things"),
    },
}
