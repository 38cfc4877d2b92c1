"""Blobs, manifests, tags and JSON documents in one folder: SQLite for what is known, files for what is large.

No HTTP and no AWS here. Everything that a method has returned from is on the disk and survives `kill -9`.
"""

from .digest import algorithm_of, digest_of
from .documents import Table
from .errors import (
    DigestInvalid,
    DigestMismatch,
    Exists,
    NotFound,
    ReferencesMissing,
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreInUse,
    StoreTooNew,
    UploadBusy,
)
from .garbage import Collected
from .kept import Kept
from .records import Blob, Manifest, Reference, Repository
from .store import Store
from .upload import MAX_PIECES, Upload

__all__ = [
    "MAX_PIECES",
    "Blob",
    "Collected",
    "DigestInvalid",
    "DigestMismatch",
    "Exists",
    "Kept",
    "Manifest",
    "NotFound",
    "Reference",
    "ReferencesMissing",
    "Repository",
    "Store",
    "StoreDamaged",
    "StoreError",
    "StoreFull",
    "StoreInUse",
    "StoreTooNew",
    "Table",
    "Upload",
    "UploadBusy",
    "algorithm_of",
    "digest_of",
]
