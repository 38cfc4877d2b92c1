"""04-e8: read a refusal that begins with docker's own guess. What a learner reads is in e8.md."""

from __future__ import annotations

from ecrlab_course.authoring import Lab, Result
from ecrlab_course.authoring.staging import make_repository, password
from ecrlab_course.toolbox.refusals import refusals

from .state import APP


def cause(lab: Lab) -> Result:
    """Let Omar's server pull with a login that is thirteen hours old; then put the clock where it was."""
    make_repository(lab, APP)
    if not any(one.get("imageTag") == "1.1" for one in lab.client("ecr").list_images(repositoryName=APP)["imageIds"]):
        lab.push(APP, "1.1")
    ahead = float(lab.control.status()["clock"]["offset_seconds"])
    _, folder = lab.sh("mktemp -d")
    folder = folder.strip()
    command = f'docker pull "$REGISTRY/{APP}:1.1"'
    try:
        lab.sh(
            f"export DOCKER_CONFIG='{folder}'\nprintf %s '{password(lab, 'ops')}' | "
            'docker login --username AWS --password-stdin "$REGISTRY" 2>&1',
            "ops",
        )
        lab.clock.advance(hours=13)
        code, output = lab.sh(f"export DOCKER_CONFIG='{folder}'\n{command} 2>&1 | tail -1", "ops")
    finally:
        lab.clock.reset()
        lab.clock.advance(seconds=max(ahead, 0))
        lab.sh(f"rm -rf '{folder}'")
    seen = output.strip().replace(lab.registry, "$REGISTRY")
    # The words that this exercise is about are those of engines with overlay2: they are shown beside one's own.
    older = refusals()["pull-with-old-token"].text("graph", name=f"$REGISTRY/{APP}")
    if older in seen:
        return Result(command, code, f"{seen}\n")
    words = f"and with an engine that has overlay2:\nError response from daemon: {older}"
    return Result(command, code, f"{seen}\n\n{words}\n")
