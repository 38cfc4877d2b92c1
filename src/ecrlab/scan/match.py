"""Which packages of an image have a known fault."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ecrlab.scan.advisories import SEVERITIES, Advisory, Range
from ecrlab.scan.packages import Contents, Package, System
from ecrlab.scan.versions import InvalidVersion, compare

SYSTEM_KINDS = frozenset({"debian", "alpine"})
LANGUAGE_KINDS = frozenset({"python", "node"})


@dataclass(frozen=True)
class Finding:
    """One fault in one package at one version.

    ``packages`` are all with it: of a distribution's source package every installed binary package, of a language's
    every copy. ``name`` and ``version`` are those of the source package; ``fixed`` is the version without the fault,
    empty when there is none.
    """

    advisory: Advisory
    name: str
    version: str
    fixed: str
    packages: tuple[Package, ...]


def findings(contents: Contents, advisories: Iterable[Advisory], kinds: Collection[str]) -> list[Finding]:
    """Return the findings in packages of these kinds, the severest first.

    A version that is none by the rules of its kind is never a finding.
    """
    by_package: dict[tuple[str, str], list[Advisory]] = {}
    for advisory in advisories:
        by_package.setdefault((advisory.kind, advisory.package), []).append(advisory)
    found: dict[tuple[Advisory, str], tuple[str, list[Package]]] = {}
    for package in contents.packages:
        if package.kind not in kinds:
            continue
        for advisory in by_package.get((package.kind, package.source), ()):
            reached = next((part for part in advisory.affected if _within(package, part, contents.system)), None)
            if reached is not None:
                found.setdefault((advisory, package.source_version), (reached.fixed, []))[1].append(package)
    every = [
        Finding(advisory, advisory.package, version, fixed, tuple(packages))
        for (advisory, version), (fixed, packages) in found.items()
    ]
    return sorted(every, key=_place)


def _place(finding: Finding) -> tuple[int, str, str, str]:
    return SEVERITIES.index(finding.advisory.severity), finding.advisory.id, finding.name, finding.version


def release_of(system: System | None) -> str:
    """Return the release by which a distribution's advisories are told apart: "12" of Debian, "3.18" of Alpine."""
    if system is None:
        return ""
    return ".".join(system.version.split(".")[: 2 if system.id == "alpine" else 1])


def _within(package: Package, affected: Range, system: System | None) -> bool:
    if package.kind in SYSTEM_KINDS and (
        system is None or system.id != package.kind or affected.release != release_of(system)
    ):
        return False
    version = package.source_version
    try:
        started = not affected.introduced or compare(package.kind, version, affected.introduced) >= 0
        return started and (not affected.fixed or compare(package.kind, version, affected.fixed) < 0)
    except InvalidVersion:
        return False
