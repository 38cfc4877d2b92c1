"""Vulnerability scanning of container images: what packages their layers hold, and which of them have known faults.

It knows nothing of registries: layers are files, advisories a JSON document.
"""

from ecrlab.scan.advisories import Advisories, Advisory, bundled
from ecrlab.scan.match import Finding, findings
from ecrlab.scan.packages import Contents, Package, System, TooLarge, Unreadable, read

__all__ = [
    "Advisories",
    "Advisory",
    "Contents",
    "Finding",
    "Package",
    "System",
    "TooLarge",
    "Unreadable",
    "bundled",
    "findings",
    "read",
]
