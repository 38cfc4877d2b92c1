"""Names: ARNs of Amazon ECS, and which registry an image's address means."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ecrlab.home import ACCOUNT, REGION

if TYPE_CHECKING:
    from ecrlab.aws.cloud import Cloud

DEFAULT_CLUSTER = "default"
#: Where the lab's Docker-Hub-like registry stands among the ports (`ecrlab.server.places`).
_HUB = ("hub", "")
_ECR = re.compile(r"([0-9]{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws)")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,299}")
_PATH = re.compile(r"[a-z0-9]+(?:[._/-]+[a-z0-9]+)*")
_REFERENCE = re.compile(r"(?:arn:aws[\w-]*:ecs:(?P<region>[^:]+):(?P<account>[0-9]{12}):task-definition/)?"
                        r"(?P<family>[A-Za-z0-9_-]{1,255})(?::(?P<revision>[0-9]{1,9}))?")  # fmt: skip


def arn(region: str, account: str, rest: str) -> str:
    """Return an ARN of ECS; ``rest`` is ``cluster/NAME`` and the like."""
    return f"arn:aws:ecs:{region}:{account}:{rest}"


def last(text: str) -> str:
    """Return the name at the end of an ARN, or the name itself."""
    return text.rpartition("/")[2]


def new_id() -> str:
    """Return the id of a task: 32 hexadecimal digits."""
    return secrets.token_hex(16)


def new_number() -> str:
    """Return the number of a deployment or of a revision of a service: 19 digits."""
    return str(secrets.randbelow(9 * 10**18) + 10**18)


def definition_named(text: str) -> tuple[str, int | None, str | None, str | None] | None:
    """Return family, revision (None: the newest), Region and account (None: not said) that a text names, or None."""
    found = _REFERENCE.fullmatch(text)
    if found is None:
        return None
    revision = found["revision"]
    return found["family"], int(revision) if revision else None, found["region"], found["account"]


@dataclass(frozen=True)
class Image:
    """An image's address, read.

    ``written`` is it as the recipe has it; ``registry`` is "ecr", "public", "hub" or "other"; ``host`` the registry's
    name, ``name`` the repository in it; ``tag`` and ``digest`` are "" where they are not given, but never both.
    ``account`` and ``region`` are of a private registry, else "".
    """

    written: str
    registry: str
    host: str
    name: str
    tag: str
    digest: str
    account: str = ""
    region: str = ""

    @property
    def reference(self) -> str:
        """What is asked for: the digest where there is one, else the tag."""
        return self.digest or self.tag

    @property
    def path(self) -> str:
        """The repository's name in requests below /v2/ to the lab."""
        return f"{self.host}/{self.name}" if self.registry in ("ecr", "public") else self.name

    def pinned(self, digest: str) -> Image:
        """Return the same image by digest, shown with its tag (facts D033)."""
        if not digest or self.digest:
            return self
        shown = f"{self.host}/{self.name}:{self.tag}@{digest}"
        return Image(shown, self.registry, self.host, self.name, self.tag, digest, self.account, self.region)


def image_named(cloud: Cloud, text: str) -> Image | None:
    """Return which image ``text`` names: an address as at AWS, or with the lab's ``localhost:PORT/`` before it; a bare
    name is Docker Hub's. None: it is not an address.
    """
    rest, _, digest = text.partition("@")
    if digest and not _DIGEST.fullmatch(digest):
        return None
    host, slash, path = rest.partition("/")
    named = slash and ("." in host or ":" in host or host == "localhost")
    name, tag = (path if named else rest), ""
    if ":" in name.rpartition("/")[2]:
        name, _, tag = name.rpartition(":")
    if not named:
        host = "docker.io"
    if (tag and not _TAG.fullmatch(tag)) or not name:
        return None
    tag = tag or ("" if digest else "latest")
    if host.partition(":")[0] in ("localhost", "127.0.0.1"):
        host, name = _here(cloud, host, name)
    if not _PATH.fullmatch(name):
        return None
    found = _ECR.fullmatch(host)
    if found is not None:
        return Image(text, "ecr", host, name, tag, digest, found[1], found[2])
    if host == "public.ecr.aws":
        return Image(text, "public", host, name, tag, digest)
    if host in ("docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"):
        name = name if "/" in name else f"library/{name}"
        return Image(text, "hub", "registry-1.docker.io", name, tag, digest)
    return Image(text, "other", host, name, tag, digest)


def _here(cloud: Cloud, host: str, name: str) -> tuple[str, str]:
    """Return host and repository of an address that begins with the lab's own."""
    inner, slash, path = name.partition("/")
    if slash and (_ECR.fullmatch(inner) or inner == "public.ecr.aws"):
        return inner, path
    port = host.rpartition(":")[2]
    if port == str(cloud.host.known_port(*_HUB)):
        return "registry-1.docker.io", name
    if port == str(cloud.host.known_port(ACCOUNT, REGION)):
        return f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com", name
    return host, name
