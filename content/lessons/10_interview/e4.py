"""10-e4: the same image, pushed to a second repository. What a learner reads is in e4.md."""

from __future__ import annotations

from ecrlab_course.authoring import Lab
from ecrlab_course.authoring.staging import made, make_repository

from .state import API, JOBS, PAGE, e4_seen, mine, mounting

__all__ = ["e4_seen"]


def push_to_jobs(lab: Lab) -> None:
    """Push the image to web/jobs, as the next cell does."""
    make_repository(lab, JOBS)
    made(
        lab,
        f'docker pull -q "$REGISTRY/{PAGE}:1" && docker tag "$REGISTRY/{PAGE}:1" "$REGISTRY/{JOBS}:1" && '
        f'docker push -q "$REGISTRY/{JOBS}:1" 2>&1',
    )


def reset(lab: Lab) -> None:
    """Remove web/jobs, and let docker forget the names."""
    mounting(lab, False)
    lab.clear(*[name for name in mine(lab) if name not in (PAGE, API)])
    lab.sh(f'docker rmi -f "$REGISTRY/{PAGE}:1" "$REGISTRY/{JOBS}:1" >/dev/null 2>&1; true')
