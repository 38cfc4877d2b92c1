"""The OCI distribution protocol 1.1 for aiohttp, over `ecrlab.store`; a front door decides who may do what.

`Registry(store, front_door).routes()` serves everything below /v2/. Run the server with `RUNNER_OPTIONS`.
"""

from .download import send_blob
from .error import MountDeclined, OciError, said
from .front_door import Access, FrontDoor, Key, OpenFrontDoor, Operation
from .manifest import ParsedManifest, json_of, parse_manifest
from .record import BYTES_IN, BYTES_OUT, ERROR
from .registry import RUNNER_OPTIONS, Registry, expect

__all__ = [
    "BYTES_IN",
    "BYTES_OUT",
    "ERROR",
    "RUNNER_OPTIONS",
    "Access",
    "FrontDoor",
    "Key",
    "MountDeclined",
    "OciError",
    "OpenFrontDoor",
    "Operation",
    "ParsedManifest",
    "Registry",
    "expect",
    "json_of",
    "parse_manifest",
    "said",
    "send_blob",
]
