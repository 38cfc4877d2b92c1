"""The OCI distribution protocol 1.1 for aiohttp, over `ecrlab.store`; a backend decides who may do what.

`Registry(store, backend).routes()` serves everything below /v2/. Run the server with `RUNNER_OPTIONS`.
"""

from .backend import Access, G, Key, OpenBackend, Operation, RegistryBackend
from .download import send_blob
from .error import MountDeclined, OciError, said
from .manifest import ParsedManifest, json_of, parse_manifest
from .record import BYTES_IN, BYTES_OUT, ERROR, count_received, count_sent
from .registry import RUNNER_OPTIONS, Registry, expect

__all__ = [
    "BYTES_IN",
    "BYTES_OUT",
    "ERROR",
    "RUNNER_OPTIONS",
    "Access",
    "G",
    "Key",
    "MountDeclined",
    "OciError",
    "OpenBackend",
    "Operation",
    "ParsedManifest",
    "Registry",
    "RegistryBackend",
    "count_received",
    "count_sent",
    "expect",
    "json_of",
    "parse_manifest",
    "said",
    "send_blob",
]
