"""Incident 19: an index without one of its processors. What a learner reads is in i19.md."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ecrlab.engine.hello_program import MACHINES, PROCESSORS, Processor, hello_program
from ecrlab_course.authoring.fargate import put_program
from ecrlab_course.authoring.image_files import files_of
from ecrlab_course.authoring.staging import INDEX
from ecrlab_course.desk.town import LOGIN, LOGIN_LINE, PUSH, Door, Open, Ran, Town, allow, run_again

JOB, MAKER, LIST = "jobs/pull.sh", "jobs/index.py", "jobs/platforms.txt"
PAGE = "page"
UPLOADS = sorted({*PUSH, "ecr:BatchGetImage"})
TEXT = f'''\
# index.py REPOSITORY TAG: put the index of the images that {LIST} lists under the tag.
# A line is a platform and a tag. What is not there yet is left out, so that a release need not wait.
import json
import sys

import boto3

repository, tag = sys.argv[1:]
ecr = boto3.client("ecr")
entries = []
for line in open("{LIST}", encoding="utf-8"):
    platform, name = line.split()
    images = ecr.batch_get_image(repositoryName=repository, imageIds=[{{"imageTag": name}}])["images"]
    if not images:
        continue
    system, processor = platform.split("/")
    entries.append({{
        "mediaType": images[0]["imageManifestMediaType"],
        "size": len(images[0]["imageManifest"]),
        "digest": images[0]["imageId"]["imageDigest"],
        "platform": {{"architecture": processor, "os": system}},
    }})
kind = "{INDEX}"
index = json.dumps({{"schemaVersion": 2, "mediaType": kind, "manifests": entries}}, indent=3)
try:
    ecr.put_image(repositoryName=repository, imageManifest=index, imageManifestMediaType=kind, imageTag=tag)
except ecr.exceptions.ImageAlreadyExistsException:
    pass
print(f"{{tag}}: {{len(entries)}} images")
'''
PULL_JOB = f"""\
#!/bin/bash
# pull.sh: what the servers of both kinds do when they start
{LOGIN_LINE} >/dev/null || exit 1
for platform in linux/amd64 linux/arm64; do
  docker pull -q --platform $platform "$REGISTRY/IMAGE" || exit 1
done
"""


def before(town: Town) -> None:
    """Give the release an image for each processor, the robot its job, and Omar his."""
    repository, tag = town.running
    for cpu in PROCESSORS:
        put(town, cpu, cpu)
    town.write(MAKER, TEXT, 0o644)
    town.write(JOB, PULL_JOB.replace("IMAGE", f"{repository}:{tag}"))
    listed(town, ("linux/amd64", "amd64"), ("linux/arm64", "arm64"))
    make(town, "admin")


def put(town: Town, part: str, cpu: Processor) -> None:
    """Put the page for a processor under the tag of the release with that ending."""
    repository, tag = town.running
    put_program(town.lab.looking(), repository, f"{tag}-{part}", hello_program(cpu), cpu, tag)


def listed(town: Town, *lines: tuple[str, str]) -> None:
    """Write the list by which the index is made: a platform, and the ending of a tag."""
    tag = town.running[1]
    town.write(LIST, "".join(f"{platform} {tag}-{part}\n" for platform, part in lines), 0o644)


def make(town: Town, profile: str = "ci") -> None:
    """Let the robot make the index by its list; the administrator does it without a trace."""
    repository, tag = town.running
    if profile != "admin":
        town.sh(f"python {MAKER} {repository} {tag}", profile)
        return
    lines = [line.split() for line in town.read(LIST).splitlines()]
    put_entries(town, [(platform, str(town.digest(repository, name))) for platform, name in lines])


def put_entries(town: Town, entries: list[tuple[str, str]], profile: str = "admin") -> None:
    """Put an index of these platforms and digests under the tag of the release."""
    repository, tag = town.running
    ecr = town.client("ecr", profile)
    written: list[dict[str, Any]] = []
    for platform, digest in entries:
        found = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageDigest": digest}])["images"][0]
        system, cpu = platform.split("/")
        written.append(
            {
                "mediaType": found["imageManifestMediaType"],
                "size": len(found["imageManifest"]),
                "digest": digest,
                "platform": {"architecture": cpu, "os": system},
            }
        )
    text = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": written}, indent=3)
    ecr.put_image(repositoryName=repository, imageManifest=text, imageManifestMediaType=INDEX, imageTag=tag)


def symptom(town: Town, ran: Ran) -> bool:
    """Tell whether a pull found no image for its platform; engines say it in two ways."""
    return ran.code != 0 and any(
        words in ran.text for words in ("no matching manifest for", "no match for platform in manifest")
    )


# Seeds


def never_in_it(town: Town) -> None:
    """Let the index be made before the one image was there, or by a list that lacks it."""
    repository, tag = town.running
    if town.seed == 0:
        listed(town, ("linux/arm64", "arm64"))
        make(town)
        return
    digest = str(town.digest(repository, tag))
    town.ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": tag}, {"imageDigest": digest}])
    town.ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": f"{tag}-amd64"}])
    make(town)
    town.advance(minutes=20)
    put_program(town.lab, repository, f"{tag}-amd64", hello_program("amd64"), "amd64", tag, "ci")


def pushed_over(town: Town) -> None:
    """Let Dara, who may push here by mistake, put an index of her laptop's image over the tag."""
    repository, tag = town.running
    town.notes["before"] = str(town.digest(repository, tag))
    town.advance(hours=(6, 30)[town.seed])
    town.user_policy("developer", "try-it", LOGIN, allow(UPLOADS, (repository, "web/*")[town.seed]))
    put_entries(town, [("linux/arm64", str(town.digest(repository, f"{tag}-arm64")))], "developer")


def wrong_label(town: Town) -> None:
    """Let the list call the one platform by a name that no client turns into amd64, or by the other's name."""
    label = ("linux/x64", "linux/arm64")[town.seed]
    listed(town, ("linux/arm64", "arm64"), (label, "amd64"))
    make(town)


SEEDS = {"a": never_in_it, "b": pushed_over, "c": wrong_label}


def gone(town: Town) -> list[tuple[str, str | None]]:
    """Return the tag that the ticket itself moves."""
    return [town.running]


def must_go(town: Town, door: Door) -> bool:
    """Tell whether Dara may push what is not hers."""
    return door[0] == "user/developer" and "repository/web/" in door[2] and door[1] in UPLOADS


def closed(town: Town, cause: str) -> Iterator[Open]:
    """Ask whether each platform's image holds the page for its processor, now and after the robot's next run."""
    yield from _wrong(town)
    repository, tag = town.running
    now = town.digest(repository, tag)
    if cause == "b" or now is None:
        return
    make(town)
    again = next(_wrong(town), None)
    if town.digest(repository, tag) != now:
        town.tag_again(repository, now, tag)
    if again is not None:
        yield Open("next-release")


def _wrong(town: Town) -> Iterator[Open]:
    repository, tag = town.running
    ecr = town.ecr
    found = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": tag}])["images"]
    page = json.loads(found[0]["imageManifest"]) if found else {}
    if "manifests" not in page:
        yield Open("one-image")
        return
    for cpu in PROCESSORS:
        entry = next(
            (
                each["digest"]
                for each in page["manifests"]
                if (each.get("platform", {}).get("os"), each.get("platform", {}).get("architecture")) == ("linux", cpu)
            ),
            None,
        )
        program = b"" if entry is None else files_of(town.lab.looking(), repository, entry).read(PAGE)
        if program != hello_program(cpu):
            yield Open("wrong-program", platform=f"linux/{cpu}", seen=_seen(program or b""))


def _seen(program: bytes) -> str:
    """Return in words which processor a program is for."""
    number = int.from_bytes(program[18:20], "little") if program[:4] == b"\x7fELF" else 0
    return next((f"a program for {cpu}" for cpu, machine in MACHINES.items() if machine == number), "no program")


# Fixes


def both_listed(town: Town) -> None:
    """List both, and make the index."""
    listed(town, ("linux/amd64", "amd64"), ("linux/arm64", "arm64"))
    make(town)


def the_one_before(town: Town) -> None:
    """Put the tag back on the index that it named, and take Dara's permission back."""
    town.tag_again(town.running[0], town.notes["before"], town.running[1])
    town.iam.delete_user_policy(UserName="developer", PolicyName="try-it")


FIXES = {"a": both_listed, "b": the_one_before, "c": both_listed}


# Wrong fixes


def index_alone(town: Town) -> None:
    """Make a right index by hand, and leave the list as it is."""
    repository, tag = town.running
    put_entries(town, [(f"linux/{cpu}", str(town.digest(repository, f"{tag}-{cpu}"))) for cpu in PROCESSORS])


def one_for_both(town: Town) -> None:
    """List the one image for both platforms."""
    listed(town, ("linux/amd64", "arm64"), ("linux/arm64", "arm64"))
    make(town)


def only_that_one(town: Town) -> None:
    """Put the tag on the image for amd64, without an index."""
    repository, tag = town.running
    town.tag_again(repository, str(town.digest(repository, f"{tag}-amd64")), tag)


def ask_for_one(town: Town) -> None:
    """Let the job pull what there is."""
    town.replace(JOB, "linux/amd64 linux/arm64", "linux/arm64")


def pull_the_image(town: Town) -> None:
    """Let the job pull whatever there is, without a platform, and put the one image under the tag."""
    only_that_one(town)
    town.replace(JOB, " --platform $platform", "")


def robot_alone(town: Town) -> None:
    """Put the tag back, and leave Dara what she may."""
    town.tag_again(town.running[0], town.notes["before"], town.running[1])


COMMON = {
    "the one image for both": (one_for_both, "wrong-program"),
    "run again": (run_again, "still"),
    "the job asks for one platform": (ask_for_one, "wrong-program"),
    "no index, and no platform": (pull_the_image, "one-image"),
}
WRONG = {
    "a": {"an index by hand": (index_alone, "next-release"), **COMMON},
    "b": {"the tag alone": (robot_alone, "wider"), **COMMON},
    "c": {"an index by hand": (index_alone, "next-release"), **COMMON},
}
