"""Lesson 00: its front matter, its guesses and its five exercises. Everything counts without a container engine.

Facts: C002 C023 C024 C026 C027 E022 E056 E066; ecr-errors 1 5 7.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from botocore.exceptions import ClientError

from ecrlab_course.evidence import ok, puts_manifest
from ecrlab_course.exercises import (
    Attempt,
    BuildCommand,
    Choice,
    Field,
    Guess,
    Lesson,
    LiveCheck,
    Option,
    Predict,
    Result,
    Verdict,
    not_yet,
    passed,
    untouched,
)
from ecrlab_course.lab import image
from ecrlab_course.staging import log_in

HELLO = "hello"


def fresh(lab: Any) -> None:
    """No repository of this lesson."""
    lab.clear(HELLO, "hello2")


def pushed(lab: Any) -> None:
    """`hello:1` in ECR and docker logged in, as the first cell leaves them; by hand, so that no engine is needed."""
    fresh(lab)
    log_in(lab)
    lab.client("ecr").create_repository(repositoryName=HELLO)
    lab.push(HELLO, "1", b"Hello from the harbour")


LESSON = Lesson(
    id="00",
    title="Start here",
    minutes=12,
    verbs=("push an image", "see every request that it took", "put everything back"),
    words={
        "image": "a program with all its files, packed and at rest",
        "registry": "the service that keeps images and hands them out",
        "repository": "one shelf in a registry: the images of one program",
        "tag": "a name that people give an image: 1, latest",
        "layer": "some of an image's files, packed",
        "manifest": "the list of an image's pieces",
        "digest": "a name computed from the bytes: other bytes, other name",
    },
    needs="Nothing but this computer.",
    checkpoints={"fresh": fresh, "pushed": pushed},
    start="fresh",
    repositories=(HELLO, "hello2"),
    sticking={
        "`hello:2` has the digest of `hello:1`": (
            "the page was saved after the build, or not at all: save it (Ctrl+S), then build, tag and push again"
        ),
        "`hello/index.html` opens as a page, and nothing can be typed": (
            "outside `make start` Jupyter shows HTML drawn: right-click the file, *Open With*, *Editor*"
        ),
    },
)


def first_guess(number: int, statement: str, answered_in: str, why: str, misconception: str) -> Guess:
    """Return a statement that is false, and that a later lesson answers."""
    return Guess(
        id=f"00-g{number}",
        prompt=statement,
        options=(Option("true", "true", "", misconception), Option("false", "false", why)),
        correct="false",
        answered_in=answered_in,
    )


GUESSES = [
    first_guess(
        1,
        "Whoever has logged `docker` in to a registry may push to it.",
        "04",
        "A login says *who*. Whether that person may push is asked at every request.",
        "login-is-permission",
    ),
    first_guess(
        2,
        "An **Allow** that stands near to me beats a **Deny** that stands far away.",
        "06",
        "One Deny that fits is enough, wherever it stands.",
        "allow-beats-deny",
    ),
    first_guess(
        3,
        "`latest` is the newest image.",
        "02",
        "`latest` is a tag like any other: it names what was pushed under it last, and nobody has to push under it.",
        "latest-is-newest",
    ),
]


# e1: who carries the bytes?


def _share(rows: list[dict[str, Any]]) -> dict[str, int]:
    """Return bytes in both directions: those of the aws command, and those of whatever spoke to the registry."""
    shares = {"aws": 0, "docker": 0}
    for row in rows:
        carried = int(row.get("bytes_in") or 0) + int(row.get("bytes_out") or 0)
        shares["docker" if row.get("service") in ("registry", "layers") else "aws"] += carried
    return shares


def _was_pushed(rows: list[dict[str, Any]]) -> bool:
    return any(puts_manifest(row, HELLO) and ok(row) for row in rows)


def who_carried(lab: Any) -> str | None:
    """Return who moved more than nine tenths of the bytes since the guess; None before a push was seen."""
    rows = lab.rows()
    if not _was_pushed(rows):
        return None
    shares = _share(rows)
    total = sum(shares.values())
    if not total:
        return "d"
    return "a" if shares["docker"] > 0.9 * total else "b" if shares["aws"] > 0.9 * total else "c"


def run_the_cell(lab: Any) -> None:
    """Do what the cell does, without the two programs: an API call, and a push of a few kilobytes over HTTP."""
    fresh(lab)
    lab.client("ecr").create_repository(repositoryName=HELLO)
    noise = b"".join(hashlib.sha256(bytes([n % 256, n // 256])).digest() for n in range(2000))
    lab.push(HELLO, "1", noise)


# e3: the digest


def asked_for(lab: Any, values: dict[str, str], result: Result) -> Verdict:
    """Judge the digest by what ECR answered."""
    given = values["digest"]
    whole = re.fullmatch(r"sha256:[0-9a-f]{64}", given)
    if not whole and (inside := re.search(r"sha256:[0-9a-f]{64}", given)):
        return not_yet(
            f"There is a digest in it, and more beside it. Leave only `{inside.group()[:15]}…`, all of it: from "
            "`sha256:` up to the blank.",
            "left-out",
        )
    if whole and result.code == 0 and result.output.strip() not in ("", "None"):
        words = (
            f"ECR answered with the tag `{result.output.strip()}`. docker and ECR mean the same image by that digest."
        )
        code, local = lab.sh(f"docker image inspect -f '{{{{.Id}}}}' {HELLO}:1 2>/dev/null || true")
        if code == 0 and local.strip() == given:
            words += " (Your engine uses the same name for the image itself; older engines keep a second one.)"
        return passed(words)
    if whole:
        if _is_inside(lab, given):
            return not_yet(
                f"`{given[7:15]}…` is the name of a part inside, the one an engine may use for the image. ECR knows "
                "the whole by another name. Look at the last line that the push printed.",
                "id-is-digest",
            )
        return not_yet(
            "That has the form of a digest, and ECR has no image of that name. Copy the one from the last line of "
            "the push: everything from `sha256:` up to the blank.",
            "left-out",
        )
    if re.fullmatch(r"(?i)(sha256:)?[0-9a-f]{64}", given):
        return not_yet(
            "All 64 characters are there. A digest begins with the word `sha256:`, which says how they were computed, "
            "and all its letters are small.",
            "left-out",
        )
    if re.fullmatch(r"(sha256:)?[0-9a-f]{6,63}", given):
        return not_yet(
            f"`{given}` is a short form, for human eyes. ECR wants `sha256:` and all 64 characters.",
            "id-is-digest",
        )
    return not_yet(
        f"`{given}` is a name that people give. A digest is computed from the bytes: `sha256:` and 64 characters.",
        "tag-is-version",
    )


def _is_inside(lab: Any, digest: str) -> bool:
    """Tell whether the repository has a piece of that name: the config or a layer. No image is fetched for that."""
    try:
        layers = lab.client("ecr").batch_check_layer_availability(repositoryName=HELLO, layerDigests=[digest])["layers"]
    except ClientError:
        return False
    return any(layer["layerAvailability"] == "AVAILABLE" for layer in layers)


def digest_of(lab: Any, tag: str = "1") -> str:
    """Return the digest that ECR has for the tag."""
    found = lab.client("ecr").describe_images(repositoryName=HELLO, imageIds=[{"imageTag": tag}])
    return str(found["imageDetails"][0]["imageDigest"])


def config_digest(_lab: Any) -> str:
    """Return the digest of the config that the checkpoint's image has: what most engines call the image's id."""
    return "sha256:" + hashlib.sha256(image(b"Hello from the harbour")[1]).hexdigest()


# e4: a second version


def shelf(lab: Any) -> dict[str, Any]:
    """Return the tags with their digests, how many images have no tag, and the repositories that were asked in vain."""
    ecr = lab.client("ecr")
    try:
        details = ecr.describe_images(repositoryName=HELLO)["imageDetails"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "RepositoryNotFoundException":
            raise
        return {"made": False, "tags": {}, "untagged": 0, "unknown": []}
    tags = {tag: detail["imageDigest"] for detail in details for tag in detail.get("imageTags", [])}
    unknown = {
        found.group(1)
        for row in lab.rows()
        if int(row["status"]) == 404
        and row["method"] in ("POST", "PUT")
        and (found := re.search(r"amazonaws\.com/([^/]+)/(?:blobs|manifests)/", str(row["path"])))
    }
    untagged = sum(1 for detail in details if not detail.get("imageTags"))
    return {"made": True, "tags": tags, "untagged": untagged, "unknown": sorted(unknown - {HELLO})}


def two_versions(state: dict[str, Any]) -> Verdict:
    """Judge the shelf: two tags, two digests."""
    tags = state["tags"]
    if not state["made"] or "1" not in tags:
        return untouched("There is no `hello:1` in ECR. Run the cell that makes it from nothing.")
    if "2" in tags:
        if tags["1"] == tags["2"]:
            return not_yet(
                "Two tags, `1` and `2`, and one digest: it is one image with two names. A tag copies nothing and "
                "changes nothing; the page has to differ, and be saved, before it is built.",
                "tag-copies",
            )
        return passed("Two tags, two digests. Version 1 is still there, and whoever wants it can have it.")
    if state["untagged"]:
        return not_yet(
            "`hello:1` is another image now, and the one it named before has no name any more. A tag can be moved: "
            "push the new page under a tag of its own. *Reset* puts the first one back.",
            "tag-is-version",
        )
    others = sorted(tag for tag in tags if tag != "1")
    if others == ["latest"]:
        return not_yet(
            "I see the tags `1` and `latest`, and no `2`. A name without a tag means `latest`: docker fills that in.",
            "left-out",
        )
    if others:
        return not_yet(f"I see the tags {', '.join(f'`{tag}`' for tag in sorted(tags))}, and no `2`.", "left-out")
    if state["unknown"]:
        name = state["unknown"][0]
        return not_yet(
            f"ECR was asked for a repository `{name}` and said `name unknown`: nobody made it, and ECR does not make "
            f"one because of a push. The shelf is called `{HELLO}`; `2` is the tag behind the colon.",
            "ecr-creates-repository",
        )
    return untouched("I see `hello:1` and nothing else.")


def _hint_shelf(state: dict[str, Any]) -> str:
    tags = ", ".join(f"`{tag}`" for tag in sorted(state["tags"])) or "no tag"
    return f"In ECR's repository `{HELLO}` I see {tags}."


def _second(lab: Any, content: bytes = b"Good evening from the harbour", tag: str = "2") -> None:
    lab.push(HELLO, tag, content)


def _tag_again(lab: Any) -> None:
    lab.push(HELLO, "2", b"Hello from the harbour")


def _overwrite(lab: Any) -> None:
    lab.push(HELLO, "1", b"Good evening from the harbour")


def _wrong_name(lab: Any) -> None:
    try:
        lab.push("hello2", "1", b"Good evening from the harbour")
    except Exception:
        return
    raise AssertionError("ECR created a repository because of a push")


def _wrong_name_then_latest(lab: Any) -> None:
    """The last push is the one that is spoken of."""
    _wrong_name(lab)
    _second(lab, tag="latest")


def _both_ways(lab: Any) -> None:
    """PutImage through the API, the layers over HTTP: another client, the same shelf."""
    _second(lab, tag="new")
    ecr = lab.client("ecr")
    found = ecr.batch_get_image(repositoryName=HELLO, imageIds=[{"imageTag": "new"}])["images"][0]
    ecr.put_image(repositoryName=HELLO, imageManifest=found["imageManifest"], imageTag="2")


def _remove_second(lab: Any) -> None:
    try:
        state = shelf(lab)
    except ClientError:
        return
    if state["made"] and "1" in state["tags"] and not state["untagged"]:
        ids = [{"imageTag": tag} for tag in state["tags"] if tag != "1"]
        if ids:
            lab.client("ecr").batch_delete_image(repositoryName=HELLO, imageIds=ids)
    else:
        pushed(lab)


# The list

EXERCISES = [
    Predict(
        id="00-e1",
        objective="Tell what docker does from what aws does",
        prompt=(
            "The next cell calls two programs, `docker` and `aws`, and ends with an image in ECR. **Which of the two "
            "carries the bytes of the image?**"
        ),
        options=(
            Option("a", "docker", "`aws` arranges, `docker` carries: compare the bytes in the X-ray."),
            Option(
                "b",
                "aws",
                "`aws` asked short questions and got short answers. The bytes of the image went between docker and the "
                "registry: look at *sent* in the X-ray.",
                "aws-carries-images",
            ),
            Option(
                "c",
                "both, about half each",
                "There is no half: look at *sent* in the X-ray. One of them arranges, the other carries.",
                "aws-carries-images",
            ),
            Option(
                "d",
                "neither: on one computer nothing has to be sent",
                "The registry is a program of its own, here as in the cloud, and it was sent every byte.",
                "nothing-is-sent",
            ),
        ),
        observe=who_carried,
        hints=(
            "One of the two programs has the image on its own shelf. Which?",
            "The X-ray shows bytes for every request. Look at the largest number in *sent*.",
            "The requests that begin with `PATCH` carry the layers. Which program's name stands beside them?",
        ),
        solution=(
            "**docker.** `aws` speaks to the API: create a repository, fetch a token, a few hundred bytes each. "
            "`docker` speaks to the registry: it uploads the layers. So a broken push is first of all a matter between "
            "docker and the registry, and that is where to look."
        ),
        accepts=(
            Attempt("docker, certain", do=run_the_cell, answer="a", confidence=3),
            Attempt("docker, a guess", do=run_the_cell, answer="a", confidence=1),
        ),
        rejects=(
            Attempt(
                "aws",
                do=run_the_cell,
                answer="b",
                confidence=3,
                misconception="aws-carries-images",
                says="short questions",
            ),
            Attempt(
                "half each",
                do=run_the_cell,
                answer="c",
                misconception="aws-carries-images",
                says="There is no half",
            ),
            Attempt(
                "neither",
                do=run_the_cell,
                answer="d",
                misconception="nothing-is-sent",
                says="it was sent every byte",
            ),
        ),
        neighbour="If `aws` carries nothing, why can docker not do without it?",
    ),
    Choice(
        id="00-e2",
        objective="Read an X-ray: when does an image get its name?",
        at="pushed",
        prompt=(
            "Look at the X-ray. A push is a row of requests, and until **one** of them nobody in the world could pull "
            "`hello:1`. Which request made the image available?"
        ),
        options=(
            Option(
                "a",
                "GET /v2/, the first one to the registry",
                "That one says hello: it stores nothing, and the registry only asks who is there.",
                "login-chooses-target",
            ),
            Option(
                "b",
                "POST …/blobs/uploads/",
                "After this row the registry has opened a place for a piece. The piece itself is not there yet.",
                "half-push-visible",
            ),
            Option(
                "c",
                "PATCH …, the one with the most bytes",
                "After this row the registry has a piece, and no name for it. Nobody can ask for what has no name.",
                "half-push-visible",
            ),
            Option(
                "d",
                "PUT …/manifests/1",
                "The manifest lists the pieces, and the tag `1` points at it. It goes last, so a push that breaks off "
                "leaves nothing half visible.",
            ),
        ),
        correct="d",
        hints=(
            "To pull `hello:1` somebody asks for `hello` and for `1`. In which request does the `1` stand?",
            "The pieces are called blobs. Look for the request that is not about a blob.",
            "It is the last `PUT`.",
        ),
        solution=(
            "**`PUT …/manifests/1`.** Layers go first, then the config, and last the manifest, which names them all. "
            "Only then does the tag exist. That order is why nobody ever pulls half an image."
        ),
        accepts=(
            Attempt("the manifest", answer="d"),
            Attempt("the manifest, after a second push", do=_second, answer="d"),
        ),
        rejects=(
            Attempt("the greeting", answer="a", misconception="login-chooses-target", says="it stores nothing"),
            Attempt("the start of an upload", answer="b", misconception="half-push-visible", says="not there yet"),
            Attempt("the bytes", answer="c", misconception="half-push-visible", says="no name for it"),
        ),
        neighbour="A push breaks off in the middle. What does the registry do with the pieces?",
    ),
    BuildCommand(
        id="00-e3",
        objective="Find an image by its digest",
        at="pushed",
        prompt=(
            "The last line of the push holds a **digest**: `sha256:` and 64 characters. Does ECR know the image by "
            "that name? Put it into the command and let ECR answer."
        ),
        fields=(Field("digest", "digest", width=72),),
        template=(
            f"aws ecr describe-images --repository-name {HELLO} --image-ids imageDigest={{digest}} "
            "--query 'imageDetails[0].imageTags[0]' --output text"
        ),
        judge=asked_for,
        hints=(
            "The push printed one line. It holds three things: a tag, a digest, a size.",
            "The digest begins with `sha256:` and ends before the blank. All of it is wanted.",
            "The line reads `1: digest: sha256:… size: …`. Copy from the `s` of `sha256` to the last letter or digit "
            "before `size`.",
        ),
        solution=(
            "The digest of the push's last line. docker computed it from the bytes of the manifest, ECR computed it "
            "again from what arrived, and the two agree: what lies there is what you sent. The image's id in "
            "`docker images` is a name inside your engine; lesson 02 shows why there are two."
        ),
        accepts=(
            Attempt("the digest of the push", answer=lambda lab: {"digest": digest_of(lab)}),
            Attempt("copied with a blank behind it", answer=lambda lab: {"digest": digest_of(lab) + " "}),
        ),
        rejects=(
            Attempt(
                "the image id",
                answer=lambda lab: {"digest": config_digest(lab)},
                misconception="id-is-digest",
                says="the name of a part inside",
            ),
            Attempt(
                "a short form",
                answer=lambda lab: {"digest": digest_of(lab)[7:19]},
                misconception="id-is-digest",
                says="for human eyes",
            ),
            Attempt(
                "without the word in front",
                answer=lambda lab: {"digest": digest_of(lab)[7:]},
                misconception="left-out",
                says="All 64 characters are there",
            ),
            Attempt("the tag", answer={"digest": "1"}, misconception="tag-is-version", says="a name that people give"),
            Attempt(
                "the whole line",
                answer=lambda lab: {"digest": f"1: digest: {digest_of(lab)} size: 735"},
                misconception="left-out",
                says="more beside it",
            ),
            Attempt(
                "a digest of something else",
                answer={"digest": "sha256:" + "0" * 64},
                misconception="left-out",
                says="ECR has no image of that name",
            ),
        ),
        neighbour="Who computed the digest: docker, ECR, or both?",
    ),
    LiveCheck(
        id="00-e4",
        objective="Push a second version beside the first",
        at="pushed",
        prompt=(
            "Change one word of the page in `hello/index.html`, build it again and push it as **`hello:2`**. Version 1 "
            "must stay."
        ),
        probe=shelf,
        judge=two_versions,
        reset=_remove_second,
        hints=(
            _hint_shelf,
            "The address is `$REGISTRY`, a slash, the repository, a colon, the tag. Two of these are the gaps.",
            'Change the file first. Then build `hello:2`, tag it as `"$REGISTRY/hello:2"`, and push that name.',
        ),
        solution=(
            "```\nsed -i 's/Hello/Good evening/' hello/index.html\ndocker build -q -t hello:2 hello/\n"
            'docker tag hello:2 "$REGISTRY/hello:2"\ndocker push "$REGISTRY/hello:2" | tail -1\n```\n\n'
            "The page differs, so the digest differs. The tag `2` is new, so nothing that `1` named was touched. The "
            "repository is the same: a repository holds the versions of one program."
        ),
        accepts=(
            Attempt("a changed page under 2", do=_second),
            Attempt("pushed under another name, then named 2 through the API", do=_both_ways),
        ),
        rejects=(
            Attempt("only tagged again", do=_tag_again, misconception="tag-copies", says="one image with two names"),
            Attempt("tag 1 overwritten", do=_overwrite, misconception="tag-is-version", says="A tag can be moved"),
            Attempt("pushed to hello2", do=_wrong_name, misconception="ecr-creates-repository", says="`name unknown`"),
            Attempt(
                "pushed as v2",
                do=lambda lab: _second(lab, tag="v2"),
                misconception="left-out",
                says="no `2`",
            ),
            Attempt(
                "pushed to hello2, then without a tag",
                do=_wrong_name_then_latest,
                misconception="left-out",
                says="means `latest`",
            ),
        ),
        neighbour="What would have to happen for `hello:1` to mean the new page?",
    ),
    Choice(
        id="00-e5",
        objective="Read an error: what is missing?",
        at="pushed",
        prompt="The pull of `hello:3` ended with `manifest unknown: Requested image not found`. **What is missing?**",
        options=(
            Option(
                "a",
                "the repository hello",
                "Then the text would say `name unknown`. This one found `hello` and looked for `3` in it.",
                "unknown-is-unknown",
            ),
            Option(
                "b",
                "the tag 3",
                "The repository was found; in it nothing is called `3`. Words that were yours: the name and the tag.",
            ),
            Option(
                "c",
                "a login",
                "Who you are is asked before anything else; without a login the text would be `no basic auth "
                "credentials`. This one got past that.",
                "rights-before-identity",
            ),
            Option(
                "d",
                "the right to pull",
                "A missing right is said openly: *not authorized to perform*, with the name of the action. Here you "
                "may, and there is nothing.",
                "404-is-permission",
            ),
        ),
        correct="b",
        hints=(
            "Ask three things. Who printed it? Which question: who am I, may I, does it exist? Which words are mine?",
            "It is about existence. Two things could be missing: the shelf, or what should lie on it.",
            "`name` would be the repository's. A `manifest` is what a tag points at.",
        ),
        solution=(
            "**The tag.** `name unknown` speaks of the repository, `manifest unknown` of what a tag points at. "
            "`docker` puts words of its own in front; what the registry said stands last."
        ),
        accepts=(
            Attempt("the tag", answer="b"),
            Attempt("the tag, with a second version there", do=_second, answer="b"),
        ),
        rejects=(
            Attempt("the repository", answer="a", misconception="unknown-is-unknown", says="`name unknown`"),
            Attempt("a login", answer="c", misconception="rights-before-identity", says="no basic auth"),
            Attempt("a right", answer="d", misconception="404-is-permission", says="said openly"),
        ),
        neighbour="Which of the four questions were answered with yes before this no?",
    ),
]
