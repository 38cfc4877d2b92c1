"""Image names: `[host[:port]/]path[:tag][@digest]` (fact C036, C037)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

HUB = "docker.io"

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(
    rf"(?P<path>{_PART}(?:/{_PART})*)(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}}))?(?:@(?P<digest>sha256:[0-9a-f]{{64}}))?"
)
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]+)?|\[[0-9A-Fa-f:]+\](?::[0-9]+)?")


class NameFormatError(ValueError):
    """A text that is not an image name; the message is docker's own."""


@dataclass(frozen=True)
class Name:
    """An image name with its host written out: `web` is host docker.io, path library/web."""

    host: str
    path: str
    tag: str | None = None
    digest: str | None = None

    @property
    def repository(self) -> str:
        """Host and path, the form in which images are kept."""
        return f"{self.host}/{self.path}"

    @property
    def familiar(self) -> str:
        """Host and path as docker shows them: without docker.io and library."""
        return shown(self.repository)

    @property
    def text(self) -> str:
        """The familiar name with its tag, or with its digest when it has one."""
        if self.digest:
            return f"{self.familiar}@{self.digest}"
        return f"{self.familiar}:{self.tag}" if self.tag else self.familiar

    @property
    def key(self) -> str:
        """The full name, host written out, under which an image is kept."""
        return f"{self.repository}@{self.digest}" if self.digest else f"{self.repository}:{self.tag}"

    def tagged(self) -> Name:
        """Return the name with docker's default tag where it has neither tag nor digest."""
        return self if self.tag or self.digest else replace(self, tag="latest")


def parse(text: str) -> Name:
    """Return the parts of an image name.

    Raises NameFormatError with docker's own text (err 120 and 121).
    """
    first, slash, rest = text.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        host, remainder = first, rest
    else:
        host, remainder = HUB, text if slash else f"library/{text}"
    bare = re.split(r"[:@]", remainder, maxsplit=1)[0]
    if bare != bare.lower():
        raise NameFormatError(f"invalid reference format: repository name ({bare}) must be lowercase")
    match = _NAME.fullmatch(remainder)
    if match is None or not _HOST.fullmatch(host):
        raise NameFormatError("invalid reference format")
    if re.fullmatch(r"[0-9a-f]{64}", text):
        raise NameFormatError(f"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings")
    return Name(host, match["path"], match["tag"], match["digest"])


def shown(full: str) -> str:
    """Return a full name (with or without tag) as docker shows it."""
    return full.removeprefix(f"{HUB}/").removeprefix("library/") if full.startswith(f"{HUB}/") else full


def short(digest: str) -> str:
    """Return the first twelve characters of a digest's hexadecimal part."""
    return digest.partition(":")[2][:12]
