"""03-e3: a mirror that is behind, asked by tag and by digest. What a learner reads is in e3.md."""

from __future__ import annotations

from ecrlab_course.authoring import Lab

from .state import HUB_MAP, folder_of, from_mirror

__all__ = ["from_mirror"]


def pull(lab: Lab) -> None:
    """Pull by tag and by the mail's digest, as the next cell does."""
    promised = (folder_of(lab) / "mail.txt").read_text(encoding="utf-8").split()[-1]
    lab.sh(f'docker pull -q "$MIRROR/{HUB_MAP}:2.3"\ndocker pull -q "$MIRROR/{HUB_MAP}@{promised}"')


def both_pulls(lab: Lab) -> None:
    """Let the mirror be behind, and pull."""
    lab.control.hub_mirror(HUB_MAP, "2.2")
    pull(lab)


def from_a_good_mirror(lab: Lab) -> None:
    """Let the mirror be up to date, and pull."""
    lab.control.hub_mirror(HUB_MAP, "2.3")
    pull(lab)


# Another world than the page's: what really happened decides.
TRIES = {"a": [from_a_good_mirror]}


def reset(lab: Lab) -> None:
    """Remove what came from the mirror."""
    lab.sh(f'docker rmi -f "$MIRROR/{HUB_MAP}:2.3" >/dev/null 2>&1 || true')
