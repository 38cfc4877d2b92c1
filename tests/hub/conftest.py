"""A lab with its hub, and a client that speaks HTTP to it as registries' clients do."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def _client_fixtures() -> Any:
    """Lab, engine and shell of tests/clients, by path: in importlib mode one conftest cannot import another."""
    name = "ecrlab_tests_clients"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).parent.parent / "clients" / "conftest.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


_fixtures = _client_fixtures()
make_lab, running_lab, lab = _fixtures.make_lab, _fixtures.running_lab, _fixtures.lab
engine, sh, image = _fixtures.engine, _fixtures.sh, _fixtures.image


@dataclass
class HubClient:
    """Speaks to the hub of a lab. Users are named with their secrets in `secrets`; None is nobody."""

    lab: Any
    secrets: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.session = requests.Session()
        self.session.trust_env = False
        self.secrets["learner"] = self.lab.home.hub_password.read_text().strip()

    @property
    def base(self) -> str:
        return f"http://localhost:{self.lab.home.hub_port}"

    @property
    def address(self) -> str:
        return self.base.removeprefix("http://")

    def user(self, name: str, **more: Any) -> str:
        """Make a user and remember the password."""
        self.secrets[name] = self.lab.control.hub_user(name, **more)["password"]
        return self.secrets[name]

    def ask(self, method: str, path: str, token: str | None = None, **options: Any) -> requests.Response:
        headers = {**({"Authorization": f"Bearer {token}"} if token else {}), **options.pop("headers", {})}
        return self.session.request(method, self.base + path, headers=headers, timeout=20, **options)

    def token(self, *scopes: str, user: str | None = None, secret: str | None = None) -> str:
        """Return a Bearer token of the registry."""
        answer = self.token_answer(*scopes, user=user, secret=secret)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["token"])

    def token_answer(self, *scopes: str, user: str | None = None, secret: str | None = None) -> requests.Response:
        auth = None if user is None else (user, self.secrets[user] if secret is None else secret)
        query = {"service": "hub.ecrlab.local", "scope": list(scopes)}
        return self.session.get(f"{self.base}/token", params=query, auth=auth, timeout=20)

    def push(self, name: str, tag: str = "1", user: str = "learner", secret: str | None = None) -> requests.Response:
        """Push a small image as a user; the first answer that is not a success, or the last."""
        token = self.token(f"repository:{name}:pull,push", user=user, secret=secret)
        content = os.urandom(40)
        for blob in (content, b"{}"):
            path = f"/v2/{name}/blobs/uploads/?digest={digest(blob)}"
            answer = self.ask("POST", path, token, data=blob)
            if answer.status_code != 201:
                return answer
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest(b"{}"), "size": 2},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest(content), "size": 40}],
        }
        headers = {"Content-Type": MANIFEST}
        return self.ask("PUT", f"/v2/{name}/manifests/{tag}", token, data=json.dumps(document), headers=headers)

    def pull(
        self, name: str, tag: str = "1", user: str | None = None, secret: str | None = None, method: str = "GET"
    ) -> requests.Response:
        """Ask for a manifest as a user or as nobody."""
        token = self.token(f"repository:{name}:pull", user=user, secret=secret)
        return self.ask(method, f"/v2/{name}/manifests/{tag}", token)

    def login(self, user: str = "learner", secret: str | None = None) -> str:
        """Return a token of the HTTP API."""
        body = {"username": user, "password": self.secrets[user] if secret is None else secret}
        answer = self.ask("POST", "/v2/users/login", json=body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["token"])

    def access_token(self, scope: str, user: str = "learner", **more: Any) -> dict[str, Any]:
        """Make a personal access token."""
        body = {"token_label": scope, "scopes": [scope], **more}
        answer = self.ask("POST", "/v2/access-tokens", self.login(user), json=body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made


def digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


@pytest.fixture(name="digest")
def digest_fixture() -> Any:
    return digest


@pytest.fixture
def hub(lab: Any) -> HubClient:
    return HubClient(lab)
