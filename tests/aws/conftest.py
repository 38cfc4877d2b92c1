"""A running lab for the tests of the AWS services: the real server in a process of its own."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from shutil import rmtree
from typing import Any

import boto3
import pytest
from botocore.config import Config

from ecrlab.client import LabClient
from ecrlab.environment import apply, environment
from ecrlab.home import ACCOUNT, PARTNER_ACCOUNT, REGION, Home
from ecrlab_course.failure import Refused
from ecrlab_course.toolbox.image import image, push_image


def free_port() -> int:
    """Return a port in the range of these tests that nothing listens on (ECRLAB_TEST_PORT: where the range begins)."""
    first = int(os.environ.get("ECRLAB_TEST_PORT", "5300"))
    for port in range(first, first + 100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise AssertionError(f"no free port from {first} to {first + 99}")


# Making a client from nothing reads the service's model, which is most of a short test's time.
SESSION = boto3.Session()


@dataclass
class Lab:
    """One lab: its home, its process, and clients of it."""

    home: Home
    process: subprocess.Popen[str] | None = None
    clients: dict[object, Any] = field(default_factory=dict)

    def start(self, *arguments: str) -> None:
        """Start the server and wait until it listens."""
        command = [sys.executable, "-m", "ecrlab.server", "--home", str(self.home.path), *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        deadline = time.monotonic() + 60  # on a busy machine
        while not self.home.control.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                raise AssertionError(f"the server did not start: {self.process.communicate()[0]}")
            time.sleep(0.02)

    def stop(self) -> str:
        """Stop the server as Ctrl-C does, and return all it printed."""
        assert self.process is not None
        self.process.terminate()
        output = self.process.communicate(timeout=20)[0]
        assert self.process.returncode == 0, output
        self.process = None
        return output

    @property
    def control(self) -> LabClient:
        return LabClient(self.home)

    @property
    def port(self) -> int:
        return self.home.port

    def environ(self, profile: str = "admin") -> dict[str, str]:
        """Return the environment of a command run as ``profile``."""
        return apply(environment(self.home, profile), os.environ)

    def client(self, service: str, profile: str = "admin", region: str = REGION, **settings: Any) -> Any:
        """Return a boto3 client as a profile of the generated credentials file."""
        keys = _credentials(self.home.aws_credentials, profile)
        return self.client_with(service, *keys, region=region, **settings)

    def client_with(
        self, service: str, key: str, secret: str, token: str | None = None, region: str = REGION, **settings: Any
    ) -> Any:
        """Return a boto3 client with these credentials."""
        named = (service, key, secret, token, region, self.port, *sorted(settings.items()))
        if named not in self.clients:
            self.clients[named] = SESSION.client(
                service,
                aws_access_key_id=key,
                aws_secret_access_key=secret,
                aws_session_token=token,
                region_name=region,
                endpoint_url=f"http://127.0.0.1:{self.port}",
                config=Config(retries={"total_max_attempts": 1}, proxies={}, **settings),
            )
        return self.clients[named]

    def repository(self, name: str, **settings: Any) -> dict[str, Any]:
        """Make a repository as administrator and return it."""
        created: dict[str, Any] = self.client("ecr").create_repository(repositoryName=name, **settings)["repository"]
        return created

    def push(
        self,
        repository: str,
        tag: str,
        content: bytes = b"hello",
        profile: str = "admin",
        region: str = REGION,
        account: str = ACCOUNT,
    ) -> str:
        """Push an image of one layer as docker does, and return its digest; raises `ecrlab_course.failure.Refused`."""
        data = self.client("ecr", profile, region).get_authorization_token()["authorizationData"][0]
        registry = self.control.registry(account, region)
        name = f"{registry['registry'].partition('/')[2]}/{repository}"
        return push_image(registry["port"], name, tag, image(content), data["authorizationToken"])

    def push_public(self, repository: str, reference: str, content: bytes = b"hello") -> str:
        """Push an image to ECR Public as the administrator, and return its digest; ``reference`` "": without a tag.

        Raises `ecrlab_course.toolbox.lab.Refused`.
        """
        public = self.client("ecr-public")
        login = public.get_authorization_token()["authorizationData"]["authorizationToken"]
        alias = public.describe_registries()["registries"][0]["aliases"][0]["name"]
        port = int(self.control.status()["ecr_public"]["address"].partition("/")[0].rpartition(":")[2])
        name, parts = f"/v2/public.ecr.aws/{alias}/{repository}", image(content)
        digests = ["sha256:" + hashlib.sha256(each).hexdigest() for each in parts]
        with closing(HTTPConnection("localhost", port, timeout=30)) as connection:

            def ask(method: str, path: str, body: bytes = b"", **headers: str) -> tuple[HTTPResponse, bytes]:
                connection.request(method, path, body, headers)
                response = connection.getresponse()
                text = response.read()
                if response.status >= 400:
                    error = json.loads(text)["errors"][0]
                    raise Refused(response.status, error["code"], error["message"])
                return response, text

            token = json.loads(ask("GET", "/token/", Authorization=f"Basic {login}")[1])["token"]
            headers = {"Authorization": f"Bearer {token}"}
            for blob, digest in zip(parts[:2], digests[:2], strict=True):
                begun, _ = ask("POST", f"{name}/blobs/uploads/", **headers)
                ask("PUT", f"{begun.headers['Location']}?digest={digest}", blob, **headers)
            headers["Content-Type"] = json.loads(parts[2])["mediaType"]
            ask("PUT", f"{name}/manifests/{reference or digests[2]}", parts[2], **headers)
        return digests[2]

    def push_faulty(self, repository: str, tag: str) -> str:
        """Push an image with Debian packages that have advisories, and return its digest."""
        packages = "\n\n".join(
            f"Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 0.1\nDescription: one"
            for name in ("curl", "expat", "openssl", "glibc")
        )
        release = b'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n'
        plain = io.BytesIO()
        with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for path, content in (("etc/os-release", release), ("var/lib/dpkg/status", packages.encode() + b"\n")):
                entry = tarfile.TarInfo(path)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        layer = gzip.compress(plain.getvalue(), mtime=0)
        _, config, manifest = image(b"")
        settings, document = json.loads(config), json.loads(manifest)
        settings["rootfs"]["diff_ids"] = ["sha256:" + hashlib.sha256(plain.getvalue()).hexdigest()]
        config = json.dumps(settings).encode()
        for part, content in ((document["layers"][0], layer), (document["config"], config)):
            part |= {"size": len(content), "digest": "sha256:" + hashlib.sha256(content).hexdigest()}
        token = self.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
        name = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{repository}"
        return push_image(self.port, name, tag, (layer, config, json.dumps(document).encode()), token)

    def allow(self, user: str, *actions: str, resource: str = "*", name: str = "test") -> None:
        """Give a user an inline policy that allows ``actions``."""
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.client("iam").put_user_policy(UserName=user, PolicyName=name, PolicyDocument=document)


def _credentials(path: Path, profile: str) -> tuple[str, str]:
    import configparser

    parser = configparser.ConfigParser()
    parser.read(path)
    return parser[profile]["aws_access_key_id"], parser[profile]["aws_secret_access_key"]


@pytest.fixture(scope="session")
def make_lab() -> Iterator[Callable[[], Lab]]:
    """Return a function that starts a lab in a home of its own; all are stopped at the end."""
    labs: list[Lab] = []
    folder = Path(tempfile.mkdtemp(prefix="ecrlab-aws-"))

    def make() -> Lab:
        lab = Lab(Home(folder / str(len(labs))))
        labs.append(lab)
        lab.start("--port", str(free_port()))
        return lab

    yield make
    for lab in labs:
        if lab.process is not None:
            lab.stop()
    rmtree(folder)


@pytest.fixture(scope="session")
def running_lab(make_lab: Callable[[], Lab]) -> Lab:
    """One lab for all tests."""
    return make_lab()


@pytest.fixture
def lab(running_lab: Lab) -> Lab:
    """The lab, put back to its start."""
    running_lab.control.reset()
    return running_lab


@pytest.fixture
def account() -> str:
    return ACCOUNT


@pytest.fixture
def partner() -> str:
    return PARTNER_ACCOUNT
