"""91-e6: let the robot push to my-web-app. What a learner reads is in e6.md."""

from __future__ import annotations

from ecrlab_course.authoring import POWER_USER, PULL_ONLY, PUSH, Lab, Sentence, as_words, requests

from .state import APP, WIDE, attach, give, log_in, policies_of, push, reset_users


class Seen:
    """The robot's and Dara's policies, and who asked for what since the exercise began."""

    def __init__(self, lab: Lab) -> None:
        self.ci, self.dara = policies_of(lab, "ci"), policies_of(lab, "developer")
        rows = requests(lab, "registry", "ecr")
        self.mine = [row for row in rows if row.user == "ci"]
        self.denied = [row for row in self.mine if row.denied]
        self.later = [row for row in rows if row.ok and self.denied and row.seq > self.denied[-1].seq]
        self.changed = self.ci.changed_from(PULL_ONLY)
        # What e6.md may name:
        self.wide = next(iter(self.ci.any_of(*WIDE) + self.ci.on_all("PutImage")), "")
        self.star = next((each for each in ("*", "ecr:*") if each in self.ci.actions), "")
        self.refused = self.denied[-1].action if self.denied else ""
        self.tried = Sentence("refused-last" if self.denied else "not-tried")
        self.before_put = len(self.ci.lacking(PUSH[:4]))
        self.head = Sentence("head-is-silent") if self.refused == PUSH[0] else ""
        self.held = as_words([*self.ci.attached, *sorted(self.ci.actions)]) or "nothing"
        self.missing = as_words(self.ci.lacking(PUSH))
        self.next = Sentence("belongs-there" if self.missing else "all-there")


def judge(seen: Seen) -> str:
    """Return the outcome's name in e6.md: the robot's own push first, then why there is none."""
    if any(row.puts(APP) for row in seen.mine):
        return "every-repository" if seen.wide else "star" if seen.star else "passed"
    if not seen.changed and seen.dara.changed_from(POWER_USER):
        return "on-dara"
    if any(row.user == "admin" and row.puts(APP) for row in seen.later):
        return "pushed-as-admin"
    if not seen.changed and any(row.action == "ecr:GetAuthorizationToken" for row in seen.later):
        return "logged-in-again"
    if not seen.changed:
        return "unchanged" if seen.denied else "untouched"
    if "ecr:PutImage" in seen.ci.actions and not seen.ci.actions & {"ecr:InitiateLayerUpload", "ecr:*"}:
        return "putimage-alone"
    return "refused-again" if seen.denied and seen.denied[-1] is seen.mine[-1] else "never-tried"


def robot(lab: Lab) -> None:
    """Let the robot log in and push."""
    push(lab, "1.0-ci", "ci")


# What the tests try. Each begins with the robot's refused push; the name on the left is the outcome it must get.
BEFORE = robot
TRIES = {
    "passed": [(give("ci", *PUSH), robot), (give("ci", *PUSH[:5]), robot)],  # BatchGetImage is in its pull policy
    "every-repository": [(give("ci", "ecr:*", on="*"), robot), (attach("ci", POWER_USER), robot)],
    "star": [(give("ci", "ecr:*"), robot)],
    "unchanged": [()],
    "logged-in-again": [lambda lab: log_in(lab, "ci")],
    "putimage-alone": [(give("ci", "ecr:PutImage"), robot)],
    "refused-again": [(give("ci", PUSH[1], *PUSH[3:]), robot), give("ci", *PUSH)],
    "never-tried": [(give("ci", *PUSH), lambda lab: log_in(lab, "ci"))],
    "pushed-as-admin": [lambda lab: push(lab, "1.0-ci")],
    "on-dara": [give("developer", *PUSH)],
}
reset = reset_users("ci", "developer")
