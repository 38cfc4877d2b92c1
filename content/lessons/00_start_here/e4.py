"""00-e4: push a second version beside the first. What a learner reads is in e4.md."""

from __future__ import annotations

from contextlib import suppress

from ecrlab_course.authoring import Lab, Refused, Sentence, as_words, push, requests
from ecrlab_course.authoring.evidence import own_images
from ecrlab_course.authoring.image_files import SMALL, Files, files_of
from ecrlab_course.authoring.staging import log_out, name_again

from .state import FIRST_PAGE, HELLO, PAGE, SECOND_PAGE, fresh, push_page, pushed

GOALS = (push(HELLO, "2", by=""),)


class Seen:
    """What lies in the repository, oldest first, and the pages in its two versions."""

    def __init__(self, lab: Lab) -> None:
        found = {one["imageDigest"]: one.get("imageTags", []) for one in own_images(lab, HELLO)}
        self.tags = {tag: digest for digest, names in found.items() for tag in names}
        self.first, self.second = self.tags.get("1"), self.tags.get("2")
        self.oldest = next(iter(found), None)
        self.sent = any(row.puts(HELLO) and row.path.endswith("/manifests/2") for row in requests(lab, "registry"))
        self.nameless = any(not names for names in found.values())
        both = self.first and self.second and self.first != self.second
        versions = [files_of(lab, HELLO, digest or "", largest=SMALL) for digest in (self.first, self.second) if both]
        old, new = versions or (Files(), Files())
        self.held = set(new.paths)
        # What cannot be unpacked here is not judged.
        self.readable = old.read(PAGE) is not None
        self.same = self.readable and old.read(PAGE) == new.read(PAGE)
        # What e4.md may name:
        self.page = PAGE
        self.tags_seen = as_words(sorted(self.tags)) or "no tag"
        self.holds = as_words(sorted(self.held)[:3]) or Sentence("no-file")
        self.names = as_words(sorted(found.get(self.oldest, ())))
        self.old_names = Sentence("other-names") if self.names else Sentence("no-name")


def judge(seen: Seen) -> str:
    """Return the verdict's name in e4.md: whether 1 is still the first image, then what 2 is."""
    if seen.first is None:
        if seen.tags or seen.nameless:
            return "first-gone"
        return "gone" if seen.sent else "no-first"
    if seen.oldest != seen.first:
        return "swapped" if seen.second == seen.oldest else "tag-moved"
    if seen.second is None:
        return no_second(seen)
    if seen.second == seen.first:
        return "one-image"
    if seen.readable and seen.held != {PAGE}:
        return "another-program"
    return "same-page" if seen.same else "passed"


def no_second(seen: Seen) -> str:
    """Return what there is in the place of the tag 2."""
    others = set(seen.tags) - {"1"}
    if not others:
        return "gone" if seen.sent else "untouched"
    return "latest" if others == {"latest"} else "another-tag"


def second(lab: Lab, tag: str = "2") -> None:
    """Push the changed page."""
    push_page(lab, tag, SECOND_PAGE)


def through_the_api(lab: Lab) -> None:
    """Push under another name, then give the image the name 2 by PutImage: another client, the same shelf."""
    second(lab, "new")
    name_again(lab, HELLO, "2", imageTag="new")


def with_docker(lab: Lab) -> None:
    """Change the page, build, tag and push."""
    code, said = lab.sh(
        """sed 's/Hello/Good evening/' hello/index.html > changed && mv changed hello/index.html
        docker build -q -t hello:2 hello/
        docker tag hello:2 "$REGISTRY/hello:2"
        docker push -q "$REGISTRY/hello:2" """
    )
    if code:
        raise RuntimeError(said)


def swap(lab: Lab) -> None:
    """Push the new page as 1, and call the first image 2."""
    first = own_images(lab, HELLO)[0]["imageDigest"]
    second(lab, "1")
    name_again(lab, HELLO, "2", imageDigest=first)


def swap_names(lab: Lab) -> None:
    """Push the new page as 2, and then let the two tags change places."""
    second(lab)
    swap(lab)


def both_new(lab: Lab) -> None:
    """Push the new page under both tags."""
    second(lab, "1")
    second(lab, "2")


def first_called_old(lab: Lab) -> None:
    """Keep the first image as `old`, and push the new page as 1."""
    name_again(lab, HELLO, "old", imageTag="1")
    second(lab, "1")


def build_again(lab: Lab) -> None:
    """Push an image with another digest and the same page."""
    lab.sh(
        """docker pull -q "$REGISTRY/hello:1"
        printf 'FROM %s\\nLABEL version=2\\n' "$REGISTRY/hello:1" > again
        docker build -q -t "$REGISTRY/hello:2" -f again hello/
        docker push -q "$REGISTRY/hello:2" """
    )


def delete_first(lab: Lab) -> None:
    """Push the second version, and delete the first."""
    second(lab)
    lab.client("ecr").batch_delete_image(repositoryName=HELLO, imageIds=[{"imageTag": "1"}])


def to_another_repository(lab: Lab) -> None:
    """Push to hello2, which nobody made."""
    with suppress(Refused):
        push_page(lab, "1", SECOND_PAGE, "hello2")
        raise AssertionError("ECR created a repository because of a push")


def logged_out(lab: Lab) -> None:
    """Push with docker after a logout."""
    log_out(lab, "admin")
    lab.sh('docker build -q -t "$REGISTRY/hello:2" hello/ && docker push -q "$REGISTRY/hello:2"')


def to_docker_io(lab: Lab) -> None:
    """Push the name without the registry in front."""
    lab.sh("docker build -q -t hello:2 hello/ && docker push hello:2")


TRIES = {
    "passed": {
        "a changed page": second,
        "under another name, then called 2 through the API": through_the_api,
        "with docker, from the folder": with_docker,
        "and latest too": (second, lambda lab: name_again(lab, HELLO, "latest", imageTag="2")),
    },
    "no-first": [fresh],
    "one-image": [lambda lab: push_page(lab, "2", FIRST_PAGE)],
    "same-page": [build_again],
    "another-program": [lambda lab: lab.push(HELLO, "2", b"anything")],
    "swapped": {"the new page as 1": swap, "the tags changed places": swap_names},
    "tag-moved": {
        "pushed under the old tag": lambda lab: second(lab, "1"),
        "under both tags": both_new,
        "the first one kept under another name": first_called_old,
    },
    "first-gone": [delete_first],
    "gone": {
        "pushed, then the lab reset": (second, lambda lab: lab.clear(HELLO)),
        "pushed, then the state of the start built again": (second, pushed),
    },
    "latest": [(to_another_repository, lambda lab: second(lab, "latest"))],
    "another-tag": [lambda lab: name_again(lab, HELLO, "v2", imageTag="1")],
    "other-tag": [lambda lab: second(lab, "v2")],
    "version-as-repository": [to_another_repository],
    "no-login": [logged_out],
    "local-name": [to_docker_io],
}


def reset(lab: Lab) -> None:
    """Return to `hello:1` as the only image, with docker logged in; the learner's page stays as it is."""
    pushed(lab)
