"""Digests: `sha256:…` and `sha512:…` (OCI image specification 1.1, descriptors, "Digests")."""

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import DigestInvalid

if TYPE_CHECKING:
    from hashlib import _Hash

_PATTERN = re.compile(r"(sha256):[0-9a-f]{64}|(sha512):[0-9a-f]{128}")

#: One read when a file is hashed again, in bytes.
_PIECE = 1 << 20


def algorithm_of(digest: str) -> str:
    """The algorithm of a well-formed digest, "sha256" or "sha512"; raises DigestInvalid for anything else."""
    match = _PATTERN.fullmatch(digest)
    if match is None:
        raise DigestInvalid(digest)
    return match[1] or match[2]


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    """The digest of `content`."""
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def hash_file(path: Path, algorithm: str) -> "_Hash":
    """The hash object of a file's content, read in pieces."""
    hasher = hashlib.new(algorithm)
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            hasher.update(piece)
    return hasher
