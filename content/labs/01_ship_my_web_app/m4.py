"""lab-01-m4: the line for the runbook. What a learner reads is in m4.md."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable

from ecrlab_course.authoring import Lab, Result, Sentence, in_code
from ecrlab_course.authoring.evidence import at_registry, manifest, ok, user_of
from ecrlab_course.authoring.staging import log_in, log_out, made, make_repository, put_image
from ecrlab_course.documents.xray_row import Row
from ecrlab_course.toolbox.refusals import refusals

from .state import NAME, OTHER_NAME, PAGE, WANTED, ask, images, put

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
VARIABLE = re.compile(r"\$\{REGISTRY\}")
ADDRESS = re.compile(r"\$REGISTRY\b|localhost:\d+/|\d{12}\.dkr\.ecr\.")
"""How a registry's address begins."""
Values = dict[str, str]


def written(lab: Lab, values: Values) -> tuple[str, str]:
    """Return repository and digest as they stand in the line; the registry's address is $REGISTRY again."""
    repository, digest = values.get("repository", ""), values.get("digest", "")
    return VARIABLE.sub("$REGISTRY", repository).replace(lab.registry, "$REGISTRY"), digest


def run(lab: Lab, values: Values) -> Result:
    """Pull by digest as ops; where docker asks ECR for nothing of the image, ask with the login that ops has."""
    repository, digest = written(lab, values)
    reference = f"{lab.registry}/{repository.replace('$REGISTRY', lab.registry)}@{digest}"
    before = lab.last()
    code, output = lab.sh(f"docker pull -q {shlex.quote(reference)} 2>&1", "ops")
    shown = f"docker pull -q {shlex.quote(reference)}".replace(lab.registry, "$REGISTRY").replace("'", '"')
    stranger, sent, given = refusals()["pull-without-login"].fits(lab.prints, output), True, not code
    if not code and not asked_by_ops(lab.rows(before)):
        status = ask(lab, digest, authorization(lab), repository.partition(":")[0])
        stranger, sent, given = not authorization(lab), False, status == 200
    denied = [
        each["explanation"] for row in lab.rows(before) for each in row["decisions"] if each["decision"] == "denied"
    ]
    words = lab.refused_since(before) if not sent else (output.strip().splitlines() or [""])[-1]
    data = {"stranger": stranger, "sent": sent, "given": given, "words": words, "reason": denied[-1] if denied else ""}
    return Result(shown, code, output, data)


def asked_by_ops(rows: list[Row]) -> bool:
    """Tell whether ops was given a manifest or a layer in these rows: docker keeps what it once pulled by digest."""
    return any(
        ok(row) and user_of(row) == "ops" and re.search("/(manifests|blobs)/", str(row["path"]))
        for row in at_registry(rows)
    )


def authorization(lab: Lab) -> str:
    """Return what the docker of ops sends to the registry as its login; "" without one."""
    code, text = lab.sh('cat "$DOCKER_CONFIG/config.json" 2>/dev/null', "ops")
    held = json.loads(text).get("auths", {}) if code == 0 else {}
    found = held.get(lab.registry.partition("/")[0], {}).get("auth", "")
    return f"Basic {found}" if found else ""


class Seen:
    """What the digest names, and how the server's pull went."""

    def __init__(self, lab: Lab, values: Values, result: Result) -> None:
        name, self.given = written(lab, values)
        self.twice = bool(ADDRESS.match(name))
        self.repository, _, self.tag = (name, "", "") if self.twice else name.partition(":")
        here = images(lab)
        self.is_tag = any(self.given in image.tags for image in here)
        self.is_digest = DIGEST.fullmatch(self.given) is not None
        held = [manifest(lab, image.repository, image.digest) for image in here]
        self.parts = {
            str(piece.get("digest")) for one in held for piece in (one.get("config", {}), *one.get("layers", []))
        }
        self.matches = [image for image in here if image.digest == self.given]
        self.version = self.matches[0].version if self.matches else ""
        self.hidden = any(image.hidden for image in self.matches)
        self.page = Sentence("says") if self.version else Sentence("no-page")
        data = result.data
        self.given_out, self.sent = bool(data.get("given")), bool(data.get("sent"))
        self.stranger, self.reason = bool(data.get("stranger")), in_code(str(data.get("reason", "")))
        self.last_words = str(data.get("words", ""))[-200:]


def judge(seen: Seen) -> str:
    """Return the verdict's name in m4.md: the digest of the image that says 1.2, in its repository, and pulled."""
    if not seen.is_digest:
        return "a-tag" if seen.is_tag else "no-digest"
    if not seen.matches:
        return "a-piece" if seen.given in seen.parts else "unknown"
    if seen.version != WANTED:
        return "hidden" if seen.hidden else "other-page"
    if seen.twice:
        return "address-twice"
    if seen.repository not in {image.repository for image in seen.matches}:
        return "other-repository"
    if not seen.given_out:
        return failed(seen)
    if seen.tag:
        return "tag-beside"
    return "passed" if seen.sent else "kept"


def failed(seen: Seen) -> str:
    """Return why the server could not fetch it."""
    if seen.stranger:
        return "no-server-login"
    return "server-may-not" if seen.reason else "not-fetched"


def both_there(lab: Lab) -> None:
    """Have 1.1 and 1.2 in ECR, and ops logged in."""
    put(lab, "1.1")
    log_in(lab, "ops")


def digests(lab: Lab) -> Values:
    """Return digests of harbour/booking by what they are: each tag's image, the config and a layer of 1.2."""
    found = {tag: image.digest for image in images(lab) for tag in image.tags if image.repository == NAME}
    held = manifest(lab, NAME, found[WANTED])
    return {**found, "config": held["config"]["digest"], "layer": held["layers"][-1]["digest"]}


def answer(which: str, repository: str = NAME, form: str = "{}") -> Callable[[Lab], Values]:
    """Return a function of the lab that answers with one of `digests`."""
    return lambda lab: {"repository": repository, "digest": form.format(digests(lab)[which])}


def in_another(lab: Lab) -> Values:
    """Return the answer for an image in a repository of another name."""
    return {"repository": OTHER_NAME, "digest": put(lab, tag="prod", name=OTHER_NAME)}


def put_hidden(lab: Lab) -> Values:
    """Return the answer for an image whose page a later layer deletes."""
    make_repository(lab, NAME)
    page = {PAGE: b"1.2\n"}
    return {"repository": NAME, "digest": put_image(lab, NAME, "new", page, {"www/.wh.version.txt": b""})}


def put_elsewhere(lab: Lab) -> Values:
    """Return the answer for an image with the file in another folder."""
    return {"repository": NAME, "digest": put_image(lab, NAME, "new", {"app/www/version.txt": b"1.2\n"})}


def forget_image(lab: Lab) -> None:
    """Take the image off this computer, so that the server has to ask for it."""
    lab.sh(f"docker rmi -f booking:{WANTED} '{lab.registry}/{NAME}:{WANTED}' >/dev/null 2>&1 || true")


def keep_image(lab: Lab) -> None:
    """Pull 1.2 by digest as ops, so that docker need not ask for it again."""
    made(lab, f"docker pull -q '{lab.registry}/{NAME}@{digests(lab)[WANTED]}'", "ops")


def gone(then: Callable[[Lab], Values]) -> Callable[[Lab], Values]:
    """Return a function that takes the image off this computer before it goes on."""

    def both(lab: Lab) -> Values:
        forget_image(lab)
        return then(lab)

    return both


def kept(then: Callable[[Lab], Values]) -> Callable[[Lab], Values]:
    """Return a function that has docker keep the image before it goes on."""

    def both(lab: Lab) -> Values:
        log_in(lab, "ops")
        keep_image(lab)
        return then(lab)

    return both


def without_login(lab: Lab) -> Values:
    """Return the right answer, with ops logged out."""
    log_out(lab, "ops")
    return answer(WANTED)(lab)


def without_permission(lab: Lab) -> Values:
    """Return the right answer, with nothing left that ops may do."""
    iam = lab.client("iam")
    for one in iam.list_attached_user_policies(UserName="ops")["AttachedPolicies"]:
        iam.detach_user_policy(UserName="ops", PolicyArn=one["PolicyArn"])
    return answer(WANTED)(lab)


def thirteen_hours_later(lab: Lab) -> Values:
    """Return the right answer, when the login of ops is too old."""
    lab.clock.advance(hours=13)
    return answer(WANTED)(lab)


def reset(lab: Lab) -> None:
    """Give ops its permissions back, and leave 1.2 alone in ECR. The login of ops is milestone 2's, and stays."""
    lab.clock.reset()
    lab.user("ops")
    lab.clear(OTHER_NAME)
    ids = [
        {"imageTag": tag} for image in images(lab) for tag in image.tags if image.repository == NAME and tag != WANTED
    ]
    if ids:
        lab.client("ecr").batch_delete_image(repositoryName=NAME, imageIds=ids)


BEFORE = both_there
TRIES = {
    "passed": {
        "harbour/booking": gone(answer(WANTED)),
        "another repository, another tag": in_another,
        "with blanks around it": gone(answer(WANTED, form=" {} ")),
        "in quotes": gone(answer(WANTED, f'"{NAME}"', '"{}"')),
    },
    "kept": {"already on this computer": kept(answer(WANTED))},
    "address-twice": {
        "the variable once more": answer(WANTED, f"$REGISTRY/{NAME}"),
        "in braces": answer(WANTED, f"${{REGISTRY}}/{NAME}"),
        "the address once more": lambda lab: {**answer(WANTED)(lab), "repository": f"{lab.registry}/{NAME}"},
        "without the computer's port": answer(WANTED, f"123456789012.dkr.ecr.us-east-1.amazonaws.com/{NAME}"),
        "with a tag": answer(WANTED, f"$REGISTRY/{NAME}:{WANTED}"),
    },
    "tag-beside": {"with the tag beside it": answer(WANTED, f"{NAME}:{WANTED}")},
    "a-tag": {"the tag": {"repository": NAME, "digest": WANTED}},
    "no-digest": {
        "without sha256": lambda lab: {"repository": NAME, "digest": digests(lab)[WANTED].partition(":")[2]},
        "with the repository before the @": answer(WANTED, form=f"{NAME}@{{}}"),
        "cut short": lambda lab: {"repository": NAME, "digest": digests(lab)[WANTED][:19]},
    },
    "a-piece": {"the image's ID": answer("config"), "a layer": answer("layer")},
    "unknown": {"invented": {"repository": NAME, "digest": "sha256:" + "0" * 64}},
    "hidden": {"deleted by a later layer": put_hidden},
    "other-page": {"the other version": answer("1.1"), "in another folder": put_elsewhere},
    "other-repository": {"another repository": answer(WANTED, "booking")},
    "no-server-login": {
        "ops without a login": gone(without_login),
        "without a login, and docker need not ask": kept(without_login),
    },
    "not-fetched": {
        "with a login that is too old": gone(thirteen_hours_later),
        "too old, and docker need not ask": kept(thirteen_hours_later),
    },
    "server-may-not": {
        "ops without a permission": gone(without_permission),
        "without a permission, and docker need not ask": kept(without_permission),
    },
}
