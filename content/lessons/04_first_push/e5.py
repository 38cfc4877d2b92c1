"""04-e5: the tag has moved; give the first image a name again. What a learner reads is in e5.md."""

from __future__ import annotations

from ecrlab_course.authoring import Lab, Sentence, requests
from ecrlab_course.authoring import push as pushed_to
from ecrlab_course.authoring.evidence import own_images, short
from ecrlab_course.authoring.staging import log_in, log_out, make_repository, name_again

from .state import APP, NIGHT, SECOND, push_app, push_as_1_1

TESTED = "tested"
OTHERS = ("1.0", "1.0-ci", "2.0", "hotfix", *(f"night-{hour}" for hour in NIGHT))
"""Names that other steps of the lesson give: an image that has one never was 1.1."""

GOALS = (pushed_to(APP, TESTED, by=""),)


class Seen:
    """What lies in my-web-app, oldest first, and which names docker has."""

    def __init__(self, lab: Lab) -> None:
        found = own_images(lab, APP)
        names = {one["imageDigest"]: one.get("imageTags", []) for one in found}
        tags = {tag: digest for digest, listed in names.items() for tag in listed}
        # From here on each image is its place in the row: 0 came first.
        place = {digest: number for number, digest in enumerate(names)}
        self.now, self.at = place.get(tags.get("1.1", "")), place.get(tags.get(TESTED, ""))
        candidates = [number for number, listed in enumerate(names.values()) if not set(listed) & set(OTHERS)]
        self.oldest = candidates[0] if candidates else None
        self.nameless = [number for number, listed in enumerate(names.values()) if not listed]
        self.several = len(candidates) > 1
        self.deleted = any(
            row.ok and row.operation in ("BatchDeleteImage", "DeleteRepository") for row in requests(lab)
        )
        on_it = names.get(tags.get(TESTED, ""), [])
        # What e5.md may name:
        self.other = next((tag for tag in on_it if tag in OTHERS), "")
        self.letters = next((tag for tag in tags if tag.lower() == TESTED != tag), "")
        self.tested = short(tags[TESTED]) if TESTED in tags else ""
        self.first = short(list(names)[self.oldest]) if self.oldest is not None else ""
        listed_as = [f"`{short(digest)}` ({', '.join(listed) or 'no tag'})" for digest, listed in names.items()]
        self.images = "; ".join(listed_as)
        self.listing = Sentence("oldest-first") if self.several else Sentence("not-there-yet")
        self.here = "" if tags.get(TESTED) else local_name(lab)


def local_name(lab: Lab) -> str:
    """Return a name with the tag `tested` that docker has for an image of this computer, without $REGISTRY's value."""
    _, names = lab.sh("docker image ls --format '{{.Repository}}:{{.Tag}}' 2>/dev/null || true")
    found = [name for name in names.split() if name.endswith(f"{APP}:{TESTED}")]
    return found[0].replace(lab.registry, "$REGISTRY") if found else ""


def judge(seen: Seen) -> str:
    """Return the verdict's name in e5.md: where `1.1` is, then where `tested` is."""
    if seen.now is None:
        return "without-1-1"
    if seen.now == seen.oldest and any(number > seen.now for number in seen.nameless):
        return "moved-back"
    if seen.at is None:
        return not_there(seen)
    if seen.other:
        return "other-image"
    if seen.at == seen.now:
        return "second"
    if seen.at > seen.now:
        return "later"
    if seen.at != seen.oldest:
        return "between"
    return "moved-again" if any(seen.at < number < seen.now for number in seen.nameless) else "passed"


def not_there(seen: Seen) -> str:
    """Return why no image is called `tested`."""
    if seen.letters:
        return "other-letters-in-it"
    if seen.here:
        return "only-here"
    if seen.several:
        return "untouched"
    return "gone" if seen.deleted else "not-moved"


def nameless(lab: Lab) -> str:
    """Return the digest of the image that lost its tag."""
    return next(str(one["imageDigest"]) for one in own_images(lab, APP) if not one.get("imageTags"))


def with_docker(lab: Lab) -> None:
    """Pull it by its digest, name it, push it."""
    old = nameless(lab)
    code, said = lab.sh(
        f"""docker pull -q "$REGISTRY/{APP}@{old}"
        docker tag "$REGISTRY/{APP}@{old}" "$REGISTRY/{APP}:tested"
        docker push -q "$REGISTRY/{APP}:tested" 2>&1"""
    )
    if code:
        raise RuntimeError(said)


def with_the_api(lab: Lab, tag: str = TESTED) -> None:
    """Fetch its manifest and put it again under another tag: no layer moves."""
    name_again(lab, APP, tag, imageDigest=nameless(lab))


def by_moving_1_1(lab: Lab) -> None:
    """Let 1.1 point at it for a moment, name that, and let 1.1 point at the second again."""
    second = next(one["imageDigest"] for one in own_images(lab, APP) if one.get("imageTags"))
    name_again(lab, APP, "1.1", imageDigest=nameless(lab))
    name_again(lab, APP, TESTED, imageTag="1.1")
    name_again(lab, APP, "1.1", imageDigest=second)


def name_before(lab: Lab) -> None:
    """Name the first image before the tag moves."""
    start_again(lab, second=False)
    name_again(lab, APP, TESTED, imageTag="1.1")
    push_as_1_1(lab, SECOND)


def third(lab: Lab) -> None:
    """Push a third page as 1.1."""
    push_as_1_1(lab, "1.1, third")


def the_middle_one(lab: Lab) -> None:
    """Name the one that was 1.1 second, after a third came."""
    second = next(one["imageDigest"] for one in own_images(lab, APP) if one.get("imageTags"))
    third(lab)
    name_again(lab, APP, TESTED, imageDigest=second)


def name_1_1(lab: Lab) -> None:
    """Give the name to what 1.1 names now."""
    name_again(lab, APP, TESTED, imageTag="1.1")


def name_both(lab: Lab) -> None:
    """Give every image a name: the right one to the wrong image."""
    with_the_api(lab, "old")
    name_1_1(lab)


def rebuild(lab: Lab) -> None:
    """Push another build as tested."""
    lab.push(APP, TESTED, b"built again")


def name_1_0(lab: Lab) -> None:
    """Push 1.0 and give the name to that."""
    lab.push(APP, "1.0", b"1.0")
    name_again(lab, APP, TESTED, imageTag="1.0")


def move_back(lab: Lab) -> None:
    """Put 1.1 on the first image again."""
    name_again(lab, APP, "1.1", imageDigest=nameless(lab))


def tag_here(lab: Lab, name: str = f"$REGISTRY/{APP}:tested") -> None:
    """Name an image on this computer."""
    lab.sh(f'docker tag {APP}:1.0 "{name}"')


def delete(lab: Lab, **image: str) -> None:
    """Delete an image, or its tag."""
    lab.client("ecr").batch_delete_image(repositoryName=APP, imageIds=[image])


def push_to_docker_io(lab: Lab) -> None:
    """Push the name without the registry in front."""
    lab.sh(f'docker tag "$REGISTRY/{APP}:1.1" {APP}:tested; docker push {APP}:tested')


def push_to_another_repository(lab: Lab) -> None:
    """Push it under a name that nobody made a repository for."""
    push_app(lab, TESTED, local="1.1", name="my-webapp")


def push_logged_out(lab: Lab) -> None:
    """Push the name after a logout."""
    log_out(lab, "admin")
    push_app(lab, TESTED, local="1.1")


TRIES = {
    "passed": {
        "pull, tag, push": with_docker,
        "batch-get-image, put-image": with_the_api,
        "1.1 there and back": by_moving_1_1,
        "named before the tag moved": name_before,
        "and a second name for it": (with_the_api, lambda lab: name_again(lab, APP, "by-omar", imageTag=TESTED)),
    },
    "moved-again": [(with_the_api, third)],
    "not-moved": [lambda lab: start_again(lab, second=False)],
    "only-tagged": [tag_here],
    "only-here": [lambda lab: tag_here(lab, f"{APP}:tested")],
    "local-name": [push_to_docker_io],
    "other-repository": [push_to_another_repository],
    "other-letters-in-it": {
        "through the API": lambda lab: with_the_api(lab, "Tested"),
        "with docker": lambda lab: push_app(lab, "TESTED", local="1.1"),
    },
    "second": {
        "on what 1.1 names": name_1_1,
        "a name for every image": name_both,
    },
    "other-image": [name_1_0],
    "later": [rebuild],
    "between": [the_middle_one],
    "moved-back": {
        "the tag 1.1 put back": move_back,
        "and the same image named": (move_back, name_1_1),
    },
    "without-1-1": {
        "1.1 deleted": (with_the_api, lambda lab: delete(lab, imageTag="1.1")),
        "the repository deleted": lambda lab: lab.clear(APP),
    },
    "gone": [lambda lab: delete(lab, imageDigest=nameless(lab))],
    "no-login": [push_logged_out],
}


def start_again(lab: Lab, second: bool = True) -> None:
    """Make my-web-app what it is when the exercise begins; or what it was before the second push."""
    lab.clear(APP)
    make_repository(lab, APP)
    for text in ("1.1", SECOND) if second else ("1.1",):
        push_as_1_1(lab, text)


def reset(lab: Lab) -> None:
    """Put both images back into my-web-app, the second as 1.1, and remove what is called `tested` here."""
    lab.clock.reset()
    log_in(lab)
    start_again(lab)
    lab.sh(f'docker rmi -f {APP}:tested "$REGISTRY/{APP}:tested" >/dev/null 2>&1 || true')
