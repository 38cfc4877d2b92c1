"""05-e3: an image that strangers may pull from AWS. What a learner reads is in e3.md."""

from __future__ import annotations

import http.client
import json
from contextlib import suppress

from botocore.exceptions import ClientError

from ecrlab_course.authoring import Lab, Refused, Sentence, as_words, call, pull, push
from ecrlab_course.authoring.evidence import ok, user_of
from ecrlab_course.authoring.image_files import Files, entries
from ecrlab_course.authoring.wire import Wire, at_public
from ecrlab_course.toolbox.image import image, push_image

from .state import AT_HUB, EVERYBODY, MAP, OPEN, STATIONS, clear_public, manifests, name_of, nobody, public_uri

TAG = "1"
GOALS = (
    call("ecr-public:GetAuthorizationToken", by=""),
    push(MAP, TAG, by="", at="public"),
    pull(MAP, TAG, by="nobody", at="public"),
)
MEDIA_TYPES = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json, " + (
    "application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.index.v1+json"
)


class Seen:
    """What ECR Public holds, who asked for it, and what was refused."""

    def __init__(self, lab: Lab) -> None:
        ecr = lab.client("ecr-public")
        names = [each["repositoryName"] for each in ecr.describe_repositories()["repositories"]]
        self.exists = MAP in names
        details = ecr.describe_images(repositoryName=MAP)["imageDetails"] if self.exists else []
        self.tags = sorted(tag for each in details for tag in each.get("imageTags", ()))
        rows = lab.rows()
        public = [row for row in rows if row["service"] == "public"]
        pulls = [row for row in manifests(public, "public") if name_of(row) == MAP]
        pushes = [row for row in manifests(public, "public", "PUT") if ok(row)]
        arrived = [row for row in pushes if name_of(row) == MAP and row["path"].endswith(f"/manifests/{TAG}")]
        self.lost = bool(arrived)
        arrived += [
            row for row in rows if row["service"] == "ecr-public" and row["operation"] == "PutImage" and ok(row)
        ]
        since = max((row["seq"] for row in arrived), default=0)
        self.open = [row for row in pulls if ok(row) and nobody(row) and row["seq"] > since]
        self.named = [row for row in pulls if ok(row) and not nobody(row)]
        self.bytes_came = any(row["method"] == "GET" for row in self.open)
        self.is_map = TAG in self.tags and STATIONS in files_at(at_public(public_uri(lab), looking=True), TAG).paths
        shown_logins = [row for row in public if row["path"].startswith("/token") and (row["principal"] or not ok(row))]
        last = shown_logins[-1] if shown_logins else None
        self.expired = last is not None and last["status"] == 403
        self.bad_login = last is not None and last["status"] == 401
        # Page 1 lets Omar pull with an old login, whether or not anything was pushed.
        runs = [run for run in lab.transcripts if last and run.before < last["seq"] <= run.after]
        self.expired_push = self.expired and all("push" in run.script for run in runs)
        self.without_login = any(row["reason"] == "to push needs a login" for row in public)
        calls = [row for row in rows if row["service"] == "ecr-public"]
        self.region = next((str(row["region"]) for row in reversed(calls) if row["region"] != "us-east-1"), "")
        denied = [row for row in [*public, *calls] if row["decision"] == "denied"]
        unknown = [row for row in public if row["status"] == 404 and "NAME_UNKNOWN" in str(row["error"])]
        shown = [each for each in lab.transcripts if each.expected]  # what the page itself shows
        at_private = [row for row in rows if row["service"] == "registry"]
        at_private = [row for row in at_private if not any(each.before < row["seq"] <= each.after for each in shown)]
        self.shut_out = bool(at_private) and at_private[-1]["status"] == 401 and nobody(at_private[-1])
        # What e3.md may name:
        self.other = next((name_of(row) for row in reversed(pushes) if name_of(row) != MAP), "")
        self.alias = unknown[-1]["path"].removeprefix("/v2/public.ecr.aws/").partition("/")[0] if unknown else ""
        self.action = f"`{denied[-1]['action']}`" if denied else ""
        self.who = user_of((denied or self.named or [{}])[-1]) if denied or self.named else ""  # type: ignore[typeddict-item]
        self.tags_seen = as_words(self.tags) or "none"
        self.repository = MAP
        self.there = Sentence("holds") if self.tags else Sentence("nothing")
        self.asked = Sentence("stranger") if self.open else Sentence("some") if self.named else Sentence("none")


def judge(seen: Seen) -> str:
    """Return the verdict's name in e3.md."""
    if not seen.exists:
        return "removed"
    if TAG in seen.tags and not seen.is_map:
        return "another-image"
    if seen.open and TAG in seen.tags:
        return "passed" if seen.bytes_came else "by-head"
    return not_pulled(seen) if TAG in seen.tags else not_pushed(seen)


def not_pulled(seen: Seen) -> str:
    """Return why nobody in particular got what ECR Public holds."""
    if seen.expired:
        return "shown-too-late"
    if seen.bad_login:
        return "login-in-the-way"
    return "signed-in" if seen.named else "pushed-only"


def not_pushed(seen: Seen) -> str:
    """Return why ECR Public does not hold the image."""
    if seen.lost:
        return "lost"
    if seen.tags:
        return "wrong-tag"
    if seen.other:
        return "other-name"
    if seen.region:
        return "asked-abroad"
    if seen.bad_login:
        return "wrong-login"
    if seen.expired_push:
        return "login-expired"
    if seen.action:
        return "not-allowed"
    if seen.alias:
        return "wrong-alias"
    if seen.without_login:
        return "no-login-sent"
    return "private-one" if seen.shut_out else "untouched"


def files_at(wire: Wire, reference: str) -> Files:
    """Return the files of an image as a stranger gets it; of an index, those of its first image that has any."""
    held = wire.ask("GET", f"manifests/{reference}", Accept=MEDIA_TYPES).json()
    for child in held.get("manifests", []):
        found = files_at(wire, str(child["digest"]))
        if found.paths:
            return found
    return Files(entries(wire.get(f"blobs/{one['digest']}").content) for one in held.get("layers", []))


# Tries


def public_pass(lab: Lab, basic: str = "") -> tuple[int, str]:
    """Return ECR Public's answer to a request for a pass: its status, and the pass."""
    connection = http.client.HTTPConnection(public_uri(lab).partition("/")[0], timeout=30)
    headers = {"User-Agent": "ecrlab-push", **({"Authorization": f"Basic {basic}"} if basic else {})}
    connection.request("GET", "/token/?service=public.ecr.aws", headers=headers)
    response = connection.getresponse()
    body = json.loads(response.read() or b"{}")
    connection.close()
    return response.status, str(body.get("token", ""))


def ask(lab: Lab, basic: str = "", method: str = "GET", uri: str = "", tag: str = TAG) -> int:
    """Ask ECR Public for harbour-map:1, as whoever the login names; return the status."""
    host, _, path = (uri or public_uri(lab)).partition("/")
    _, token = public_pass(lab, basic)
    connection = http.client.HTTPConnection(host, timeout=30)
    headers = {"User-Agent": "ecrlab-push", "Authorization": f"Bearer {token}"}
    connection.request(method, f"/v2/{path}/manifests/{tag}", headers=headers)
    status = connection.getresponse().status
    connection.close()
    return status


def login(lab: Lab, profile: str = "admin") -> str:
    """Fetch a login of ECR Public, as its API returns it."""
    return str(lab.client("ecr-public", profile).get_authorization_token()["authorizationData"]["authorizationToken"])


def send(lab: Lab, tag: str = TAG, uri: str = "", path: str = STATIONS) -> None:
    """Push over HTTP with a pass that a login gave: an image of one file, by default the map's."""
    host, _, name = (uri or public_uri(lab)).partition("/")
    _, token = public_pass(lab, login(lab))
    push_image(int(host.rpartition(":")[2]), name, tag, image(b"the map", path), token, scheme="Bearer")


def send_another(lab: Lab) -> None:
    """Push another image under the map's name."""
    send(lab, path="busybox")


def send_without_login(lab: Lab) -> None:
    """Push with docker, which keeps no login for ECR Public."""
    uri = public_uri(lab)
    lab.sh(f'docker tag {MAP}:1 "{uri}:1"; docker push -q "{uri}:1"')


def send_too_late(lab: Lab) -> None:
    """Log docker in, wait for half a day, and push."""
    lab.sh(
        "aws ecr-public get-login-password --region us-east-1 | "
        'docker login --username AWS --password-stdin "$PUBLIC_REGISTRY"'
    )
    lab.clock.advance(hours=13)
    send_without_login(lab)


def delete_image(lab: Lab) -> None:
    """Delete the image."""
    lab.client("ecr-public").batch_delete_image(repositoryName=MAP, imageIds=[{"imageTag": TAG}])


def pull_from_docker_io(lab: Lab) -> None:
    """Pull as a stranger, by the name that the image has here."""
    lab.sh(f"docker pull -q {MAP}:1", "nobody")


def with_docker(lab: Lab) -> None:
    """Log in, tag, push with docker; pull as a stranger."""
    uri = public_uri(lab)
    code, said = lab.sh(
        f"""aws ecr-public get-login-password --region us-east-1 |
          docker login --username AWS --password-stdin "$PUBLIC_REGISTRY"
        docker tag {MAP}:1 "{uri}:1" && docker push -q "{uri}:1" """
    )
    if code:
        raise RuntimeError(said)
    lab.sh(f'docker rmi "{uri}:1" >/dev/null; docker pull -q "{uri}:1"', "nobody")


def from_the_hub(lab: Lab) -> None:
    """Push what learner has at the Hub."""
    lab.sh(f'docker pull -q "$HUB/{AT_HUB}:1"; docker tag "$HUB/{AT_HUB}:1" {MAP}:hub')
    uri = public_uri(lab)
    lab.sh(
        f"""aws ecr-public get-login-password --region us-east-1 |
          docker login --username AWS --password-stdin "$PUBLIC_REGISTRY"
        docker tag {MAP}:hub "{uri}:1" && docker push -q "{uri}:1"
        docker rmi -f {MAP}:hub >/dev/null"""
    )
    ask(lab)


def with_the_private_login(lab: Lab) -> None:
    """Give ECR Public the private registry's token."""
    private = lab.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    public_pass(lab, private)


def as_ops(lab: Lab) -> None:
    """Fetch the login as Omar, who may only use private ECR."""
    with suppress(ClientError):
        login(lab, "ops")


def in_ireland(lab: Lab) -> None:
    """Ask ECR Public's API in Ireland."""
    with suppress(ClientError):
        lab.client("ecr-public", region="eu-west-1").get_authorization_token()


def other_repository(lab: Lab) -> None:
    """Make and fill another repository there."""
    lab.client("ecr-public").create_repository(repositoryName="map")
    send(lab, uri=public_uri(lab, "map"))


def guess_alias(lab: Lab) -> None:
    """Push to a name that one would expect."""
    host, _, _ = public_uri(lab).partition("/")
    with suppress(Refused):
        send(lab, uri=f"{host}/public.ecr.aws/harbourbikes/{MAP}")


def knock_at_private(lab: Lab) -> None:
    """Ask the private registry as a stranger: its policy names everybody."""
    lab.client("ecr").set_repository_policy(repositoryName=OPEN, policyText=EVERYBODY)
    lab.sh(f'docker pull -q "$REGISTRY/{OPEN}:1" || true', "nobody")


def old_login(lab: Lab) -> None:
    """Pull with a login of half a day ago."""
    basic = login(lab)
    lab.clock.advance(hours=13)
    ask(lab, basic)


TRIES = {
    "passed": {
        "pushed, a stranger has it": (send, ask),
        "with docker": with_docker,
        "admin first, then nobody": (send, lambda lab: ask(lab, login(lab)), ask),
        "without a login first": (send_without_login, with_docker),
        "the Hub's copy": from_the_hub,
    },
    "by-head": {"a stranger by HEAD": (send, lambda lab: ask(lab, method="HEAD"))},
    "pushed-only": {
        "nobody asked": send,
        "a stranger asked before": (ask, send),
        "a stranger had what was there before": (send_another, ask, send),
    },
    "signed-in": [(send, lambda lab: ask(lab, login(lab)))],
    "wrong-tag": [lambda lab: send(lab, "latest")],
    "other-tag": [(send, lambda lab: ask(lab, tag="latest"))],
    "local-name": [(send, pull_from_docker_io)],
    "another-image": [(send_another, ask)],
    "other-name": [other_repository],
    "wrong-login": [with_the_private_login],
    "shown-too-late": [(send, old_login)],
    "login-expired": [send_too_late],
    "login-in-the-way": [(send, lambda lab: public_pass(lab, "QVdTOng="))],
    "no-login-sent": [send_without_login],
    "asked-abroad": [in_ireland],
    "not-allowed": [as_ops],
    "wrong-alias": [guess_alias],
    "private-one": [knock_at_private],
    "lost": [(send, ask, delete_image)],
    "removed": [lambda lab: clear_public(lab)],
}


def reset(lab: Lab) -> None:
    """Make ECR Public's repository again, empty; put the clock back."""
    lab.clock.reset()
    clear_public(lab)
    lab.client("ecr-public").create_repository(repositoryName=MAP)
    host = public_uri(lab).partition("/")[0]
    lab.sh(
        f'docker logout "{host}" >/dev/null 2>&1 || true; docker rmi -f "{public_uri(lab)}:1" >/dev/null 2>&1 || true'
    )
