"""Incident 18: a program that no node starts. What a learner reads is in i18.md."""

from __future__ import annotations

import json
import platform
import urllib.request
from collections.abc import Iterator

from ecrlab.engine.hello_program import MACHINES, PROCESSORS, Processor, hello_program
from ecrlab_course.authoring.evidence import manifest
from ecrlab_course.authoring.fargate import other
from ecrlab_course.authoring.image_files import files_of
from ecrlab_course.desk.town import LOGIN_LINE, Open, Town, run_again

START, RELEASE = "jobs/start.py", "jobs/release.sh"
DOCKERFILE, SCRIPT = "app/Dockerfile", "app/start.sh"
PAGE = "page"
TEXT = """\
# start.py REPOSITORY TAG: what a node does last before it starts an image, and what its kernel answers.
# It fetches the image, takes its entry point, and reads the file's first bytes, as the kernel does. It runs nothing.
import io
import json
import posixpath
import sys
import tarfile
import urllib.request

import boto3

PROCESSOR, NUMBER = "{processor}", {number}  # this node's, and how a program's bytes 18 and 19 say it
repository, tag = sys.argv[1:]
ecr = boto3.client("ecr")


def manifest(**which):
    images = ecr.batch_get_image(repositoryName=repository, imageIds=[which])["images"]
    return json.loads(images[0]["imageManifest"]) if images else sys.exit(f"{{repository}}:{{tag}}: not found")


def blob(digest):
    link = ecr.get_download_url_for_layer(repositoryName=repository, layerDigest=digest)["downloadUrl"]
    with urllib.request.urlopen(link) as answer:
        return answer.read()


found = manifest(imageTag=tag)
if "manifests" in found:
    fits = [one for one in found["manifests"] if one.get("platform", {{}}).get("architecture") == PROCESSOR]
    found = manifest(imageDigest=fits[0]["digest"]) if fits else sys.exit(f"no image for linux/{{PROCESSOR}}")
config = json.loads(blob(found["config"]["digest"]))["config"]
path = ((config.get("Entrypoint") or []) + (config.get("Cmd") or []) + ["/"])[0].strip("/")
files, links = {{}}, {{}}
for layer in found["layers"]:
    with tarfile.open(fileobj=io.BytesIO(blob(layer["digest"]))) as archive:
        for entry in archive:
            name = entry.name.strip("./")
            if entry.issym() or entry.islnk():
                near = posixpath.dirname(name) if entry.issym() else ""
                links[name] = posixpath.normpath(posixpath.join(near, entry.linkname))
            elif entry.isfile():
                links.pop(name, None)
                files[name] = archive.extractfile(entry).read()
real = path
for _ in range(8):
    real = links.get(real, real).strip("/")
program = files.get(real)
if program is None:
    sys.exit(f"exec /{{path}}: no such file or directory")
elf = program[:4] == b"\\x7fELF" and int.from_bytes(program[18:20], "little") == NUMBER
if not elf and program[:2] != b"#!":
    sys.exit(f"exec /{{path}}: exec format error")
print(f"started /{{path}}")
"""
RELEASE_JOB = f"""\
#!/bin/bash
# release.sh: build the page from app/, and push it
set -e
{LOGIN_LINE} >/dev/null
docker build -q -t "$REGISTRY/IMAGE" app
docker push -q "$REGISTRY/IMAGE"
"""


def node(town: Town) -> Processor:
    """Return the processor of the nodes: this computer's, so that the base image is for it; Dara's is the other one."""
    return "arm64" if platform.machine() in ("arm64", "aarch64") else "amd64"


def before(town: Town) -> None:
    """Give Omar what a node does, and the robot its job with what it builds from."""
    cpu = node(town)
    town.notes["image"] = " ".join(town.running)
    town.write(START, TEXT.format(processor=cpu, number=MACHINES[cpu]), 0o644)
    town.write(RELEASE, RELEASE_JOB.replace("IMAGE", ":".join(town.running)))
    for each in PROCESSORS:
        program(town, f"app/bin/page-{each}", hello_program(each))
        program(town, f"app/build/page-{each}", hello_program(each))
    built_from(town, f"bin/page-{cpu} /page")


def program(town: Town, name: str, content: bytes) -> None:
    """Write a program into the folder."""
    town.write(name, "")
    (town.folder / name).write_bytes(content)


def built_from(town: Town, *copies: str, entry: str = "/page", head: str = "") -> None:
    """Write the Dockerfile: what is copied, and what is started."""
    lines = [head, "FROM ecrlab/base:1", *(f"COPY {each}" for each in copies), f'ENTRYPOINT ["{entry}"]']
    town.write(DOCKERFILE, "\n".join(line for line in lines if line) + "\n", 0o644)


def release(town: Town) -> None:
    """Let the robot build and push."""
    said = town.sh(f"bash {RELEASE}", "ci")
    if said.code:
        raise RuntimeError(f"the release did not arrive: {said.text}")


# Seeds


def for_the_laptop(town: Town) -> None:
    """Copy the program that was built for the laptop: by its name, or by a name that says nothing."""
    cpu = other(node(town))
    if town.seed:
        program(town, "app/bin/page", hello_program(cpu))
        built_from(town, "bin/page /page")
    else:
        built_from(town, f"bin/page-{cpu} /page")
    release(town)


def no_first_line(town: Town) -> None:
    """Start the page by a script that does not begin with #!: it begins with a remark, or with an empty line."""
    script = ("# start.sh: the page, with today's greeting\n", "\n#!/bin/sh\n")[town.seed]
    town.write(SCRIPT, script + 'export GREETING="open from eight"\nexec /page\n')
    built_from(town, f"bin/page-{node(town)} /page", "start.sh /start.sh", entry="/start.sh")
    release(town)


def nothing_in_it(town: Town) -> None:
    """Copy an empty file: the copy from build/ broke off, or a later line of the Dockerfile brings a placeholder."""
    cpu = node(town)
    if town.seed:
        program(town, "app/empty/page", b"")
        built_from(town, f"bin/page-{cpu} /page", "empty/ /")
    else:
        program(town, f"app/bin/page-{cpu}", b"")
        town.write("app/build/copy.log", f"cp: error writing 'bin/page-{cpu}': No space left on device\n", 0o644)
    release(town)


SEEDS = {"a": for_the_laptop, "b": no_first_line, "c": nothing_in_it}


def gone(town: Town) -> list[tuple[str, str | None]]:
    """Return the tag that the ticket itself moves."""
    return [town.running]


def closed(town: Town, cause: str) -> Iterator[Open]:
    """Ask whether what starts is the page, and whether the robot's next release is right as well."""
    yield from _wrong(town)
    repository, tag = town.running
    now = town.digest(repository, tag)
    if now is None:
        return
    release(town)
    again = next(_wrong(town), None)
    if town.digest(repository, tag) != now:
        town.tag_again(repository, now, tag)
    if again:
        yield Open("next-release")


def _wrong(town: Town) -> Iterator[Open]:
    """Yield that the image under the tag does not hold the page for a node, or does not start it."""
    repository, tag = town.running
    digest = str(town.digest(repository, tag))
    found = files_of(town.lab.looking(), repository, digest)
    page, words = hello_program(node(town)), entry_point(town, digest)
    first = found.read(words[0].strip("/")) or b""
    starts = first[:2] == b"#!" or (first[:4] == b"\x7fELF" and first[18] == MACHINES[node(town)])
    named = any("/page" in word or b"/page" in (found.read(word.strip("/")) or b"") for word in words)
    if found.read(PAGE) != page or not named:
        yield Open("not-the-page", processor=node(town))
    elif not starts:
        yield Open("job-changed", file=words[0])


def entry_point(town: Town, digest: str) -> list[str]:
    """Return the words that an image starts with; of an index, those of its image for the nodes."""
    lab, repository = town.lab.looking(), town.running[0]
    held = manifest(lab, repository, digest)
    for child in held.get("manifests", ()):
        if child.get("platform", {}).get("architecture") == node(town):
            held = manifest(lab, repository, str(child["digest"]))
    if "config" not in held:
        return [""]
    asked = lab.client("ecr").get_download_url_for_layer(
        repositoryName=repository, layerDigest=held["config"]["digest"]
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked["downloadUrl"], timeout=20) as answer:
        config = json.load(answer).get("config") or {}
    return [*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())] or [""]


# Fixes


def for_the_node(town: Town) -> None:
    """Copy the program for the nodes, and release."""
    cpu = node(town)
    if town.seed:
        program(town, "app/bin/page", hello_program(cpu))
    else:
        built_from(town, f"bin/page-{cpu} /page")
    release(town)


def first_line_first(town: Town) -> None:
    """Begin the script with its interpreter, and release."""
    kept = [line for line in town.read(SCRIPT).splitlines() if line and not line.startswith("#")]
    town.write(SCRIPT, "\n".join(["#!/bin/sh", *kept]) + "\n")
    release(town)


def copy_it_again(town: Town) -> None:
    """Copy the program again, or leave the placeholder out, and release."""
    cpu = node(town)
    if town.seed:
        built_from(town, f"bin/page-{cpu} /page")
    else:
        program(town, f"app/bin/page-{cpu}", hello_program(cpu))
    release(town)


FIXES = {"a": for_the_node, "b": first_line_first, "c": copy_it_again}


# Wrong fixes


def release_again(town: Town) -> None:
    """Build and push once more."""
    release(town)


def another_label(town: Town) -> None:
    """Build for a platform by its name: the label changes, and the files do not."""
    town.replace(RELEASE, "docker build -q", f"docker build -q --platform linux/{node(town)}")
    release(town)


def starts_something(town: Town) -> None:
    """Let the image start a script that does nothing."""
    town.write("app/fine.sh", "#!/bin/sh\nexit 0\n")
    built_from(town, "fine.sh /page")
    release(town)


def by_hand(town: Town) -> None:
    """Push a right image by hand, and leave app/ as it was."""
    kept = {name: town.read(name) for name in (DOCKERFILE, SCRIPT) if town.exists(name)}
    cpu = node(town)
    program(town, "app/right", hello_program(cpu))
    built_from(town, "right /page")
    release(town)
    for name, text in kept.items():
        town.write(name, text)


def job_says_yes(town: Town) -> None:
    """Put the page where it belongs, and let the node's last step look at nothing."""
    cpu = node(town)
    town.write("app/other.sh", "exec /page\n")
    built_from(town, f"build/page-{cpu} /page", "other.sh /other.sh", entry="/other.sh")
    release(town)
    town.write(START, 'print("started /page")\n', 0o644)


COMMON = {
    "a right image by hand": (by_hand, "next-release"),
    "released again": (release_again, "still"),
    "a platform in the build": (another_label, "still"),
    "a script that ends well": (starts_something, "not-the-page"),
    "the node's last step looks at nothing": (job_says_yes, "job-changed"),
    "run again": (run_again, "still"),
}
WRONG = {"a": COMMON, "b": COMMON, "c": COMMON}
