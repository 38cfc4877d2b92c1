"""06-e2: where the web page's pull policy stops. What a learner reads is in e2.md."""

from __future__ import annotations

from contextlib import suppress

from botocore.exceptions import ClientError

from ecrlab_course.authoring import Lab, requests

from .state import give, policy_file, tries

PLACES = {
    "ecr:GetAuthorizationToken": "b",
    "ecr:BatchGetImage": "c",
    "ecr:GetDownloadUrlForLayer": "d",
}


def where_it_stops(lab: Lab) -> str | None:
    """Return where Omar's last login and pull ended: b at the login, c at the manifest, d at a layer, a nowhere.

    Between login and end no answer stands: a login alone that worked says nothing about the pull.
    """
    asked = [row for row in requests(lab) if row.user == "ops" and row.action in PLACES]
    if not asked:
        return None
    last = asked[-1]
    if last.denied:
        return PLACES[last.action]
    return "a" if last.action == "ecr:GetDownloadUrlForLayer" else None


def omar_logs_in(lab: Lab) -> None:
    """Give Omar the web page's policy and let him fetch a token, as cell 06-08-run does."""
    give(lab, "ops", policy_file("summary-pull"))
    with suppress(ClientError):
        lab.client("ecr", "ops").get_authorization_token()


def reset(lab: Lab) -> None:
    """Omar has no policy again, as in the checkpoint."""
    tries.keep_only(lab, "ops")
