"""Which lab a command of the stand-in is about: its images, and its logins."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ecrlab.standin.errors import NEEDS_ENGINE, DockerError, from_daemon
from ecrlab.standin.images import Image, Images, NoSuchImageError

if TYPE_CHECKING:
    from ecrlab.standin.logins import Logins


def home() -> Path:
    """Return the folder of the lab. Raises DockerError when nothing says which lab is meant."""
    given = os.environ.get("ECRLAB_HOME")
    if given:
        return Path(given).expanduser().absolute()
    from ecrlab.home import Home

    found = Home.find().path
    if not found.is_dir():
        raise DockerError(
            "ECR Lab's stand-in for docker does not know which lab's images and logins are meant: ECRLAB_HOME is not "
            f"set, and there is no folder .ecrlab in {found.parent} or above it. In the course's folder, run "
            'eval "$(ecrlab env)" first.',
            NEEDS_ENGINE,
        )
    return found


def store() -> Images:
    """Return the images of this lab."""
    return Images(home() / "standin")


def find(images: Images, text: str) -> Image:
    """Return the image that a name or an id means. Raises DockerError with docker's text."""
    try:
        return images.find(text)
    except NoSuchImageError as error:
        raise from_daemon(f"No such image: {error}") from error


def logins(config: str) -> Logins:
    """Return the logins of a docker config folder; without one they lie in the lab, never in ~/.docker."""
    from ecrlab.standin.logins import Logins

    return Logins(Path(config) if config else home() / "standin" / "config")
