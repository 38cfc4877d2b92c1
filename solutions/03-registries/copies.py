"""Three copies of harbourbikes/map:2.3, made by a number: `python copies.py 1`. Another number makes others.

A is at the Hub, B at the mirror, C in ECR, as tools/map:2.3. Which of them are what the mail promised is not said here.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path

from ecrlab_course.authoring.wire import at_ecr, at_hub
from ecrlab_course.documents.lab_view import LabView

RECORD = "copies.json"
MAP, OURS = "harbourbikes/map", "tools/map"


def make(lab: LabView, number: int) -> None:
    """Put the copies of that number in place, and remember it."""
    behind, other = number % 3, number // 3 % 2
    if behind == 1:
        lab.control.hub_mirror(MAP, "2.2", claims="2.3")
    else:
        lab.control.hub_mirror(MAP, "2.3", claims="2.3", respaced=behind == 2)
    ecr = lab.client("ecr")
    with suppress(ecr.exceptions.RepositoryAlreadyExistsException):
        ecr.create_repository(repositoryName=OURS)
    # Marked as one that only looks: it is the learner who must fetch them.
    source, target = at_hub(lab, MAP, looking=True), at_ecr(lab, OURS, looking=True)
    manifest = source.get("manifests/2.3").content
    for piece in (json.loads(manifest)["config"], *json.loads(manifest)["layers"]):
        target.put_blob(source.get(f"blobs/{piece['digest']}").content)
    target.put_manifest(json.dumps(json.loads(manifest), indent=3).encode() if other else manifest, "2.3")
    folder = lab.folder or Path.cwd()
    note = {"number": number, "after": lab.last(), "earlier": earlier(folder / RECORD)}
    (folder / RECORD).write_text(json.dumps(note) + "\n", encoding="utf-8")


def earlier(record: Path) -> list[int]:
    """Return the numbers of the runs before this one."""
    before = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
    return [*before.get("earlier", []), *([before["number"]] if before else [])]


if __name__ == "__main__":
    from ecrlab.home import Home
    from ecrlab_course.toolbox.lab import Lab

    make(Lab(Home.find(), Path.cwd()), int(sys.argv[1]))
    print(f"A  $HUB_API/{MAP}/manifests/2.3")
    print(f'B  http://"$MIRROR"/v2/{MAP}/manifests/2.3')
    print(f"C  $REGISTRY_API/{OURS}/manifests/2.3")
