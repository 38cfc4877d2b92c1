"""A registry by hand: what docker does when it pulls and pushes, in one class."""

import hashlib
import os
from typing import Any
from urllib.parse import urljoin

import boto3
import requests


class Refused(Exception):  # noqa: N818 (a registry's answer)
    """A registry said no; the text is its own."""

    def _render_traceback_(self) -> list[str]:
        return [f"Refused: {self}"]


def digest(data: bytes) -> str:
    """Return the name that every registry gives to these bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def heard(answer: requests.Response) -> requests.Response:
    """Return a good answer; stop at a refusal, with the registry's own words."""
    if answer.status_code >= 400:
        said = answer.json()["errors"][0]
        raise Refused(f"{answer.status_code} {said['code']}: {said['message']}")
    return answer


class Repository:
    """One repository at "ecr" (with this page's AWS keys), "hub" (as `me`, or as nobody) or a mirror's address."""

    def __init__(self, registry: str, name: str, me: str | None = None) -> None:
        self.login: dict[str, str] = {}
        self.base = f"http://{registry}/v2/{name}"
        if registry == "ecr":
            self.base = f"{os.environ['REGISTRY_API']}/{name}"
            ecr: Any = boto3.client("ecr")  # type: ignore[no-untyped-call]
            token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
            self.login = {"Authorization": f"Basic {token}"}
        elif registry == "hub":
            self.base = f"{os.environ['HUB_API']}/{name}"
            with open(os.environ["HUB_PASSWORD_FILE"], encoding="utf-8") as file:
                auth = (me, file.read().strip()) if me else None
            wanted = {"scope": f"repository:{name}:pull,push"}
            answer = requests.get(f"http://{os.environ['HUB']}/token", params=wanted, auth=auth, timeout=9)
            self.login = {"Authorization": f"Bearer {answer.json()['token']}"}

    def get(self, path: str) -> requests.Response:
        """Fetch something: manifests/TAG, blobs/DIGEST, referrers/DIGEST, tags/list."""
        return heard(requests.get(f"{self.base}/{path}", headers=self.login, timeout=9))

    def put_blob(self, data: bytes, kind: str) -> dict[str, Any]:
        """Send a piece; return its descriptor: kind, name and size."""
        door = heard(requests.post(f"{self.base}/blobs/uploads/", headers=self.login, timeout=9))
        there = urljoin(door.url, door.headers["Location"])
        heard(requests.put(there, params={"digest": digest(data)}, data=data, headers=self.login, timeout=9))
        return {"mediaType": kind, "digest": digest(data), "size": len(data)}

    def put_manifest(self, data: bytes, kind: str, name: str) -> requests.Response:
        """Send a manifest, under a tag or under its own digest."""
        headers = {**self.login, "Content-Type": kind}
        return heard(requests.put(f"{self.base}/manifests/{name}", data=data, headers=headers, timeout=9))
