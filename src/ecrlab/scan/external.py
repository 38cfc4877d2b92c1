"""Scanning with trivy or grype instead of the bundled advisories, where one is installed and asked for.

Their results change from day to day and need their databases, so that this is off unless ``ECRLAB_SCANNER`` names one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from ecrlab.scan.advisories import SEVERITIES, Advisory
from ecrlab.scan.match import Finding
from ecrlab.scan.packages import Package, Unreadable

SECONDS = 600
_KINDS = {"debian": "debian", "ubuntu": "debian", "deb": "debian", "alpine": "alpine", "apk": "alpine"}
_LANGUAGES = {"python-pkg": "python", "python": "python", "node-pkg": "node", "npm": "node"}
_SEVERITIES = {"NEGLIGIBLE": "INFORMATIONAL", "UNKNOWN": "UNDEFINED"}


def tool() -> str | None:
    """Return "trivy" or "grype" when ECRLAB_SCANNER says so and the command is there, else None."""
    name = os.environ.get("ECRLAB_SCANNER", "")
    return name if name in _COMMANDS and shutil.which(name) else None


def scan(name: str, manifest: bytes, media_type: str, digest: str, blobs: Mapping[str, Path]) -> list[Finding]:
    """Let trivy or grype scan an image and return its findings, the severest first.

    ``blobs`` has the files of config and layers by digest; the tool sees them through links. Raises Unreadable when it
    fails or takes longer than ten minutes.
    """
    with tempfile.TemporaryDirectory(prefix="ecrlab-scan-") as folder:
        _lay_out(Path(folder), manifest, media_type, digest, blobs)
        command, parse = _COMMANDS[name]
        words = [word.format(folder=folder) for word in command]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=True)
            found = list(parse(json.loads(done.stdout)))
        except subprocess.CalledProcessError as error:
            last = (error.stderr.strip().splitlines() or [f"exit code {error.returncode}"])[-1]
            raise Unreadable(f"{name} failed: {last[:300]}") from None
        except (subprocess.TimeoutExpired, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise Unreadable(f"{name} gave no result that can be read: {str(error)[:300]}") from None
    return sorted(found, key=lambda one: (SEVERITIES.index(one.advisory.severity), one.advisory.id, one.name))


def _lay_out(folder: Path, manifest: bytes, media_type: str, digest: str, blobs: Mapping[str, Path]) -> None:
    """Make an OCI image layout of links."""
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    entry = {"mediaType": media_type, "digest": digest, "size": len(manifest)}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    for name, file in blobs.items():
        link = folder / "blobs" / name.replace(":", "/")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(file)
    target = folder / "blobs" / digest.replace(":", "/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(manifest)


def _finding(
    id: str, kind: str, name: str, version: str, fixed: str, severity: str, text: str, url: str, path: str,
    cvss: tuple[str | None, float | None, str | None], published: str,
) -> Finding:  # fmt: skip
    severity = severity.upper()
    severity = _SEVERITIES.get(severity, severity)
    advisory = Advisory(
        id=id,
        kind=kind,
        package=name,
        description=text,
        severity=severity if severity in SEVERITIES else "UNDEFINED",
        cvss_vector=cvss[0],
        cvss_score=cvss[1],
        cvss_from=cvss[2],
        url=url,
        source=url,
        published=_date(published),
        affected=(),
    )
    return Finding(advisory, name, version, fixed, (Package(kind, name, version, name, version, "", path, 0),))


def _date(text: str) -> str:
    """Return the day of a moment as it stands in a report; some have none."""
    try:
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        return "1970-01-01"


def _trivy(report: dict[str, Any]) -> Iterator[Finding]:
    for result in report.get("Results") or ():
        kind = _KINDS.get(result["Type"], "system") if result["Class"] == "os-pkgs" else "language"
        for one in result.get("Vulnerabilities") or ():
            scores = one.get("CVSS") or {}
            given = next((source for source in ("nvd", *scores) if scores.get(source, {}).get("V3Score")), None)
            cvss = (scores[given]["V3Vector"], float(scores[given]["V3Score"]), given) if given else (None, None, None)
            yield _finding(
                one["VulnerabilityID"],
                _LANGUAGES.get(result["Type"], kind),
                one["PkgName"],
                one["InstalledVersion"],
                one.get("FixedVersion", ""),
                one.get("Severity", ""),
                one.get("Title") or one.get("Description", ""),
                one.get("PrimaryURL", ""),
                one.get("PkgPath", result["Target"]),
                cvss,
                one.get("PublishedDate", ""),
            )


def _grype(report: dict[str, Any]) -> Iterator[Finding]:
    for match in report["matches"]:
        fault, artifact = match["vulnerability"], match["artifact"]
        kind = _KINDS.get(artifact["type"]) or _LANGUAGES.get(artifact["type"]) or "language"
        scores = [one for one in fault.get("cvss") or () if str(one.get("version", "")).startswith("3")]
        cvss = (
            (scores[0]["vector"], float(scores[0]["metrics"]["baseScore"]), "nvd.nist.gov")
            if scores
            else (None, None, None)
        )
        yield _finding(
            fault["id"],
            "system" if artifact["type"] == "rpm" else kind,
            artifact["name"],
            artifact["version"],
            ", ".join((fault.get("fix") or {}).get("versions") or ()),
            fault.get("severity", ""),
            fault.get("description", ""),
            fault.get("dataSource", ""),
            (artifact.get("locations") or [{}])[0].get("path", ""),
            cvss,
            "",
        )


_COMMANDS = {
    "trivy": (["trivy", "image", "--input", "{folder}", "--format", "json", "--quiet", "--scanners", "vuln"], _trivy),
    "grype": (["grype", "oci-dir:{folder}", "-o", "json", "-q"], _grype),
}
