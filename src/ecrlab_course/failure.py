"""What went wrong between the course and the lab, in one paragraph for a learner."""

from __future__ import annotations

from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from ecrlab.client import LabError, LabNotRunning
from ecrlab.trouble import is_about_files, plain, sentence
from ecrlab_course.messages import say


class Refused(Exception):  # noqa: N818 - the word of the lessons
    """The registry refused a request of `Lab.push`: `status`, `code` (such as DENIED) and its `message`."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code.lower().replace('_', ' ')}: {message}" if code else message)
        self.status = status
        self.code = code
        self.message = message


def reason(error: Exception) -> str:
    """Return one paragraph for a learner: why the lab could not be looked at."""
    if isinstance(error, ClientError):
        detail = error.response.get("Error", {})
        return say("trouble.refused", code=detail.get("Code", "an error"), message=detail.get("Message", ""))
    if isinstance(error, LabNotRunning):
        return str(error)
    if isinstance(error, OSError) and is_about_files(error):
        return sentence(error)
    if isinstance(error, BotoCoreError | OSError):
        return say("trouble.silent", error=plain(error))
    if isinstance(error, Refused | LabError):
        return str(error)
    return f"{type(error).__name__}: {error}"


def unrecorded(error: Exception, path: Path) -> str:
    """Return one paragraph for a learner: why the progress file at `path` could not be written."""
    return say("trouble.not_recorded", why=sentence(error, path)) if isinstance(error, OSError) else str(error)
