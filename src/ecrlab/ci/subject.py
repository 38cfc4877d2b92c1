"""Who the bearer of an identity token is: the claim `sub`, in the forms that GitHub writes (fact D080)."""

from __future__ import annotations

import re

from ecrlab.ci.errors import CiError

REPOSITORY = "harbour-bikes/booking"
"""The company's own repository; a token may be asked for any other, as everybody on the same server gets one."""

_OWNER_AND_NAME = re.compile(r"[\w.-]+(@\d+)?/[\w.-]+(@\d+)?")  # with the ids of the immutable form (fact D081)
_PULL_REQUEST = re.compile(r"refs/pull/\d+/(merge|head)")


def full_ref(ref: str) -> str:
    """Return a ref in full: a bare name is that of a branch.

    Raises CiError: it is not a name that a ref of git can have.
    """
    full = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
    kind, _, name = full.removeprefix("refs/").partition("/")
    # What git refuses in a name, as far as it can be told apart here: `git check-ref-format`.
    bad = re.search(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|//|@\{", name) or name.startswith("/") or name.endswith(("/", "."))
    if bad or not name or kind not in ("heads", "tags", "pull"):
        raise CiError(400, f"{ref!r:.80} is not a branch, refs/heads/…, refs/tags/… or refs/pull/N/merge.")
    if kind == "pull" and not _PULL_REQUEST.fullmatch(full):
        raise CiError(400, f"A pull request is refs/pull/N/merge, not {ref!r:.80}.")
    return full


def subject(ref: str, environment: str | None = None, repository: str = REPOSITORY) -> str:
    """Return the `sub` of a run: of its environment, else of its pull request, else of its branch or tag.

    The first that fits is the whole of it: a run with an environment no longer says its branch (fact D080).
    ``ref`` is a branch's name or a ref in full; ``repository`` is owner/name. Raises CiError.
    """
    if not _OWNER_AND_NAME.fullmatch(repository):
        raise CiError(400, f"A repository is owner/name, such as {REPOSITORY}, not {repository!r:.80}.")
    full = full_ref(ref)
    if environment is not None:
        if not environment:
            raise CiError(400, "An environment has a name.")
        return f"repo:{repository}:environment:{environment.replace(':', '%3A')}"
    if full.startswith("refs/pull/"):
        return f"repo:{repository}:pull_request"
    return f"repo:{repository}:ref:{full}"
