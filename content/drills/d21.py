"""Drill d21: one image for everybody, one for nobody else. What a learner reads is in d21.md."""

from __future__ import annotations

import http.client
import json
from contextlib import suppress

from ecrlab_course.authoring import Sentence
from ecrlab_course.authoring.evidence import ok
from ecrlab_course.causes.scene import place_of
from ecrlab_course.documents.xray_row import Row
from ecrlab_course.drills.account import DrillLab, policy
from ecrlab_course.drills.drill import Findings, attempt
from ecrlab_course.toolbox.hub import HubError
from ecrlab_course.toolbox.hub_client import manifest, push
from ecrlab_course.toolbox.image import image, push_image

CREW, DEMO, CONTRACT = "crew", "demo", "crew/contract"
AT_HUB = f"{CREW}/{DEMO}"


def prepare(lab: DrillLab) -> None:
    """Put the contract where everybody gets it, and the demo where nobody does."""
    lab.write("crew-password", lab.hub.user(CREW) + "\n")
    for name in [each["name"] for each in lab.control.hub()["repositories"] if each["name"].startswith(f"{CREW}/")]:
        lab.control.hub_remove(name)
    lab.control.hub_window()
    public = lab.client("ecr-public")
    for each in public.describe_repositories()["repositories"]:
        public.delete_repository(repositoryName=each["repositoryName"], force=True)
    push(lab.hub, CONTRACT, "1", b"the contract", CREW)
    if lab.seed == "at-hub":
        push(lab.hub, AT_HUB, "1", b"the demo", CREW)
        lab.hub.private(AT_HUB)
    else:
        lab.repository(DEMO)
        lab.push(DEMO, "1", b"the demo")


class Seen:
    """Who got what, and what the settings are."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        there = {str(each["name"]): bool(each["private"]) for each in lab.control.hub()["repositories"]}
        rows = lab.rows()
        self.there, self.private = CONTRACT in there, there.get(CONTRACT, False)
        changes = [row for row in rows if row["service"] == "hub" and row["method"] == "PATCH"]
        changed = [row for row in changes if (row.get("shows") or {}).get("repository") == CONTRACT]
        since = changed[-1]["seq"] if changed else 0
        asked = [row for row in rows if row["service"] == "hub" and row["seq"] > since and _name(row) == CONTRACT]
        self.turned_away = any(
            not row["principal"] and row["status"] == 401 and row["decision"] == "denied" for row in asked
        )
        self.owner = any(row["principal"] == CREW and ok(row) and "/manifests/" in row["path"] for row in asked)
        self.taken = next((name for name, private in there.items() if private and name.startswith(f"{CREW}/")), "")
        self.refused = bool(changes) and not ok(changes[-1]) and changes[-1]["status"] == 403
        demos = [
            row for row in rows if "/manifests/" in row["path"] and _is_demo(row) and row["method"] in ("GET", "HEAD")
        ]
        self.had = any(ok(row) and not row["principal"] and row["service"] != "registry" for row in demos)
        named = [row for row in demos if ok(row) and row["principal"]]
        self.who = str(named[-1]["principal"]).rpartition("/")[2] if named else ""
        at_ecr = [row for row in rows if row["service"] == "registry"]
        self.shut_out = bool(at_ecr) and at_ecr[-1]["status"] == 401
        self.legal = findings.get("legal", "")
        self.touched = bool(rows) or bool(self.legal)
        self.demo_seen = Sentence("demo-had") if self.had else Sentence("demo-none")
        self.contract_seen = Sentence("contract-private") if self.private else Sentence("contract-public")


def _name(row: Row) -> str:
    return place_of(row).repository


def _is_demo(row: Row) -> bool:
    return _name(row) == AT_HUB if row["service"] == "hub" else _name(row).rpartition("/")[2] == DEMO


def judge(seen: Seen) -> str:
    """Return the verdict's name in d21.md: the contract first, because it is open, then the demo, then legal."""
    if not seen.touched:
        return "untouched"
    if not seen.there:
        return "contract-gone"
    if not seen.private:
        return "place-taken" if seen.refused and seen.taken else "contract-open"
    if not seen.turned_away:
        return "contract-not-shown"
    if not seen.owner:
        return "owner-not-shown"
    if not seen.had:
        return no_demo(seen)
    if not seen.legal:
        return "legal-missing"
    return "passed" if seen.legal == "kept" else "legal-wrong"


def no_demo(seen: Seen) -> str:
    """Return why no stranger has the demo."""
    if seen.shut_out:
        return "demo-at-private"
    return "demo-by-name" if seen.who else "demo-not-there"


def patch(lab: DrillLab, name: str, private: bool) -> None:
    """Change a setting as crew."""
    with suppress(HubError):
        lab.hub.api("PATCH", f"/v2/repositories/{name}", {"is_private": private}, user=CREW)


def shut(lab: DrillLab) -> None:
    """Shut the contract, and show it from both sides."""
    patch(lab, CONTRACT, True)
    manifest(lab.hub, CONTRACT, "1")
    manifest(lab.hub, CONTRACT, "1", user=CREW)


def open_at_hub(lab: DrillLab) -> None:
    """Let the demo be public at the Hub, and pull it as nobody."""
    if lab.seed == "at-ecr":
        push(lab.hub, AT_HUB, "1", b"the demo", CREW)
    patch(lab, AT_HUB, False)
    manifest(lab.hub, AT_HUB, "1")


def open_at_public(lab: DrillLab) -> None:
    """Put the demo into ECR Public, and pull it as nobody."""
    public = lab.client("ecr-public")
    uri = public.create_repository(repositoryName=DEMO)["repository"]["repositoryUri"]
    host, _, path = uri.partition("/")
    login = public.get_authorization_token()["authorizationData"]["authorizationToken"]
    push_image(int(host.rpartition(":")[2]), path, "1", image(b"the demo"), _pass(host, login), scheme="Bearer")
    connection = http.client.HTTPConnection(host, timeout=30)
    headers = {"Authorization": f"Bearer {_pass(host)}", "User-Agent": "ecrlab-push"}
    connection.request("GET", f"/v2/{path}/manifests/1", headers=headers)
    connection.getresponse().read()
    connection.close()


def _pass(host: str, basic: str = "") -> str:
    connection = http.client.HTTPConnection(host, timeout=30)
    headers = {"User-Agent": "ecrlab-push", **({"Authorization": f"Basic {basic}"} if basic else {})}
    connection.request("GET", "/token/?service=public.ecr.aws", headers=headers)
    token = str(json.loads(connection.getresponse().read())["token"])
    connection.close()
    return token


def both(lab: DrillLab) -> None:
    """Open the demo at the Hub first, and shut the contract then."""
    open_at_hub(lab)
    shut(lab)


def at_public_and_shut(lab: DrillLab) -> None:
    """Put the demo into ECR Public, and shut the contract."""
    open_at_public(lab)
    shut(lab)


def policy_for_all(lab: DrillLab) -> None:
    """Shut the contract, let a policy name everybody, and knock as a stranger."""
    shut(lab)
    everybody = {"Effect": "Allow", "Principal": "*", "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]}
    lab.client("ecr").set_repository_policy(repositoryName=DEMO, policyText=policy(everybody))
    lab.sh(f'curl -s "http://${{REGISTRY%%/*}}/v2/${{REGISTRY#*/}}/{DEMO}/manifests/1"')


def only_said(lab: DrillLab) -> None:
    """Open the demo, change the contract's setting, and ask nobody."""
    open_at_hub(lab)
    patch(lab, CONTRACT, True)


def owner_left_out(lab: DrillLab) -> None:
    """Show the contract from the stranger's side alone."""
    only_said(lab)
    manifest(lab.hub, CONTRACT, "1")


def demo_as_crew(lab: DrillLab) -> None:
    """Pull the demo signed in."""
    patch(lab, AT_HUB, False)
    manifest(lab.hub, AT_HUB, "1", user=CREW)
    shut(lab)


def remove_contract(lab: DrillLab) -> None:
    """Take the contract away altogether."""
    lab.control.hub_remove(CONTRACT)
    open_at_hub(lab)


KEPT = {"legal": "kept"}
TRIES = {
    "passed": {
        "the Hub for the demo": attempt(KEPT, both, seed="at-ecr"),
        "ECR Public for the demo": attempt(KEPT, at_public_and_shut, seed="at-ecr"),
        "opened first, then shut": attempt(KEPT, both, seed="at-hub"),
    },
    "contract-open": {"the demo alone": attempt(KEPT, open_at_hub, seed="at-ecr")},
    "place-taken": {"shut first": attempt(KEPT, shut, seed="at-hub")},
    "contract-gone": {"deleted": attempt(KEPT, remove_contract, seed="at-ecr")},
    "contract-not-shown": {"only the setting": attempt(KEPT, only_said, seed="at-ecr")},
    "owner-not-shown": {"only a stranger": attempt(KEPT, owner_left_out, seed="at-ecr")},
    "demo-not-there": {"the contract alone": attempt(KEPT, shut, seed="at-ecr")},
    "demo-by-name": {"as crew": attempt(KEPT, demo_as_crew, seed="at-hub")},
    "demo-at-private": {"Principal *": attempt(KEPT, policy_for_all, seed="at-ecr")},
    "legal-wrong": {"recalled": attempt({"legal": "recalled"}, both, seed="at-ecr")},
    "legal-missing": {"nothing said": attempt({}, both, seed="at-hub")},
}
