"""A client of the lab's control interface, for notebooks, the command line and tests. Standard library only."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

from ecrlab.home import LOOKING as LOOKING
from ecrlab.home import Home
from ecrlab.trouble import plain, sentence

STATUS = "/_ecrlab/status"
RESET_SECONDS = 120
"""How long a reset may take: an engine ends the containers of all tasks, and Podman takes seconds for an image."""


class LabError(Exception):
    """The lab refused a request; the text says what it saw and what it expected."""


class LabNotRunning(LabError):  # noqa: N818 (part of the agreed interface)
    """No lab answers for this home; the text names the command that starts it."""

    def __init__(self, home: Home, seen: str) -> None:
        super().__init__(f"The lab of {home.path} is not running ({seen}). Start it with: ecrlab start")


class LabClient:
    """Speaks to the running lab of ``home`` over loopback, never through a proxy. Every call is one HTTP request."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open

    def status(self, timeout: float = 5) -> dict[str, Any]:
        """Return version, port, pid, clock, registries and regions that are off; wait ``timeout`` seconds at most."""
        return self._call("GET", STATUS, timeout=timeout)

    def advance(self, seconds: float) -> dict[str, Any]:
        """Move the lab's clock forward; return ``{"now": ISO 8601, "offset_seconds": number}``."""
        return self._call("POST", "/_ecrlab/clock", {"advance_seconds": seconds})

    def reset_clock(self) -> dict[str, Any]:
        """Set the lab's clock back to real time; return as `advance` does."""
        return self._call("POST", "/_ecrlab/clock", {"reset": True})

    def xray(self, after: int = 0, wait: float = 0, limit: int = 1000, opened: bool = False) -> dict[str, Any]:
        """Return ``{"last": number, "rows": [...]}``: the requests above number ``after``, oldest first.

        With ``wait`` seconds the call returns as soon as there is one; ``opened`` adds to each decision its context,
        statements and what would fix it.
        """
        path = f"/_ecrlab/xray?after={after}&wait={wait}&limit={limit}{'&opened=1' if opened else ''}"
        return self._call("GET", path, timeout=wait + 30)

    def decide(self, principal: str, action: str, resource: str = "*", **more: Any) -> dict[str, Any]:
        """Ask IAM a question without making the request; return the decision opened (`what_if.answers.decide`).

        ``more``: context, policies, edits, statement. Nothing is changed, and the X-ray has no row of it.
        """
        return self._call("POST", "/_ecrlab/decide", {**more, **_question(principal, action, resource)})

    def decide_all(
        self,
        questions: Sequence[tuple[str, str, str] | Mapping[str, Any]],
        edits: Sequence[Mapping[str, Any]] = (),
        explained: bool = False,
        **more: Any,
    ) -> list[dict[str, Any]]:
        """Ask many questions in one call, 2,000 at most; return the decisions in short, in order.

        A question is (principal, action, resource), or an object with these and a context of its own. ``edits`` are
        documents to take as saved; ``more`` (context, policies) goes with every question. ``explained`` adds to each
        decision its explanation.
        """
        asked = [{**more, **(each if isinstance(each, Mapping) else _question(*each))} for each in questions]
        body = {"questions": asked, "edits": list(edits), "explained": explained}
        answers: list[dict[str, Any]] = self._call("POST", "/_ecrlab/decide", body, timeout=60)["decisions"]
        return answers

    def allowed(self, questions: Sequence[tuple[str, str, str]]) -> list[bool]:
        """Ask (principal, action, resource) many times in one call, 2,000 at most; return whether IAM would allow each.

        Nothing else is told of them, and what was asked before is answered quickly (`what_if.answers.allowed`).
        """
        found = set(self._call("POST", "/_ecrlab/allowed", {"questions": list(questions)}, timeout=60)["allowed"])
        return [place in found for place in range(len(questions))]

    def beyond(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Ask what principals may do beyond what was wanted (`ecrlab.aws.surplus.beyond`).

        ``wanted`` is what `ecrlab.policy.wanted.Wanted.to_json` returns.
        """
        return self._call("POST", "/_ecrlab/beyond", {"wanted": wanted})

    def rehearse(self, document: str, **place: str) -> dict[str, str] | None:
        """Return what saving a policy would be refused with, {"code", "message"}; None when it would be accepted.

        ``place`` is as in `ecrlab.aws.what_if.rehearsal.rehearse`: user="ops", policy="pull". Nothing is saved.
        """
        refused: dict[str, str] | None = self._call("POST", "/_ecrlab/rehearse", {**place, "document": document})[
            "refused"
        ]
        return refused

    def actions(self) -> dict[str, str]:
        """Return every action of the lab's services, with the kind of thing it is asked about ("*": none)."""
        return self._call("GET", "/_ecrlab/actions")

    def who(self, principal: str) -> dict[str, Any]:
        """Return a principal's ARN and the policies that speak about it (`ecrlab.aws.what_if.answers.who`)."""
        return self._call("POST", "/_ecrlab/who", {"principal": principal})

    def tree(
        self, repository: str | None = None, repositories: int | None = None, images: int | None = None
    ) -> dict[str, Any]:
        """Return what the explorer shows of the lab or of one repository (`ecrlab.server.explorer.read`, as JSON)."""
        wanted = {"repository": repository, "repositories": repositories, "images": images}
        query = urllib.parse.urlencode({key: value for key, value in wanted.items() if value is not None})
        return self._call("GET", f"/_ecrlab/tree?{query}", timeout=60)

    def tags(self, account: str) -> dict[str, dict[str, dict[str, Any]]]:
        """Return an account's repositories by Region and name: ``{"mutability": …, "tags": {tag: digest}}``.

        Tags of archived images are left out, as ECR leaves them out.
        """
        found: dict[str, dict[str, dict[str, Any]]] = self._call(
            "GET", "/_ecrlab/tags?" + urllib.parse.urlencode({"account": account})
        )["regions"]
        return found

    def comparison(self, left: str, right: str) -> dict[str, Any]:
        """Return two images compared layer by layer (`ecrlab.server.explorer.compare`, as JSON)."""
        return self._call("GET", "/_ecrlab/comparison?" + urllib.parse.urlencode({"left": left, "right": right}))

    def registry(self, account: str, region: str) -> dict[str, Any]:
        """Open the registry of ``account`` in ``region`` if it has no port yet; return its port and address."""
        return self._call("POST", "/_ecrlab/registries", {"account": account, "region": region})

    def account(self, account: str) -> dict[str, Any]:
        """Return an access key of an administrator of ``account``, who is made when missing."""
        return self._call("POST", "/_ecrlab/accounts", {"account": account})

    def listen(self, address: str | None) -> dict[str, Any]:
        """Let the lab listen at one more address of this machine, at all its ports; None: at loopback only again."""
        return self._call("POST", "/_ecrlab/listen", {"address": address})

    def hub(self) -> dict[str, Any]:
        """Return the Docker-Hub-like registry's address, limits, users, organisations and repositories."""
        return self._call("GET", "/_ecrlab/hub")

    def hub_user(self, name: str, **more: Any) -> dict[str, Any]:
        """Make a user of the hub; return ``{"name": …, "password": …}``.

        ``more``: password (default: a random one), plan (personal, pro, team, business), default_private (a boolean).
        """
        return self._call("POST", "/_ecrlab/hub/users", {"name": name, **more})

    def hub_organization(self, name: str, members: Mapping[str, str], default_private: bool = False) -> dict[str, Any]:
        """Make an organisation of the hub with its members, {user: "owner", "editor" or "member"}."""
        body = {"name": name, "members": dict(members), "default_private": default_private}
        return self._call("POST", "/_ecrlab/hub/organizations", body)

    def hub_member(self, organization: str, user: str, role: str | None) -> dict[str, Any]:
        """Give a user a role in an organisation of the hub; None takes the user out."""
        return self._call("POST", "/_ecrlab/hub/members", {"organization": organization, "user": user, "role": role})

    def hub_team(
        self, organization: str, name: str, members: Sequence[str], repositories: Mapping[str, str]
    ) -> dict[str, Any]:
        """Make or replace a team: its members, and {repository: "read", "write" or "admin"}."""
        body = {
            "organization": organization,
            "name": name,
            "members": list(members),
            "repositories": dict(repositories),
        }
        return self._call("POST", "/_ecrlab/hub/teams", body)

    def hub_limits(self, **limits: int | None) -> dict[str, Any]:
        """Set the hub's pull limits ``anonymous``, ``account`` (None: none) and ``window`` (seconds); return all."""
        return self._call("POST", "/_ecrlab/hub/limits", limits)

    def hub_mirror(
        self, repository: str, serves: str, claims: str | None = None, respaced: bool = False
    ) -> dict[str, Any]:
        """Let a mirror of one of the hub's repositories answer everything with the tag ``serves``; return its address.

        Its header claims the tag ``claims``, by default what it hands out; ``respaced``: in other spacing.
        """
        body = {"repository": repository, "serves": serves, "claims": claims, "respaced": respaced}
        return self._call("POST", "/_ecrlab/hub/mirror", body)

    def hub_switch(self, on: bool) -> dict[str, Any]:
        """Switch the hub off, so that it cannot be reached, or on again; return ``{"on": …}``."""
        return self._call("POST", "/_ecrlab/hub/switch", {"on": on})

    def hub_window(self, used: int = 0, user: str | None = None) -> dict[str, Any]:
        """Begin the hub's pull windows again, for everybody; then count `used` pulls of `user`, None: of nobody."""
        return self._call("POST", "/_ecrlab/hub/window", {"used": used, "user": user})

    def hub_remove(self, repository: str) -> bool:
        """Delete a repository of the hub with its images; tell whether it was there."""
        return bool(self._call("POST", "/_ecrlab/hub/remove", {"repository": repository})["removed"])

    def hub_next_door(self) -> str:
        """Return the address of the hub for whoever comes from the office next door, by another address than ours."""
        return str(self._call("POST", "/_ecrlab/hub/next-door", {})["address"])

    def hub_visibility(self, repository: str, private: bool) -> dict[str, Any]:
        """Make a repository of the hub private or public."""
        return self._call("POST", "/_ecrlab/hub/visibility", {"repository": repository, "private": private})

    def hub_default(self, namespace: str, private: bool) -> dict[str, Any]:
        """Set whether a push makes private repositories in a namespace of the hub."""
        return self._call("POST", "/_ecrlab/hub/visibility", {"namespace": namespace, "private": private})

    def ci(self) -> dict[str, Any]:
        """Return the git server's state: ``{"issuer": its name, "address": "localhost:PORT", "on", "key"}``."""
        return self._call("GET", "/_ecrlab/ci")

    def identity_token(self, ref: str = "main", **more: Any) -> dict[str, str]:
        """Return ``{"token": an identity token for a run of this branch or ref, "subject": whom it names}``.

        ``more``: environment, repository (owner/name), subject (in place of all these), audience, age and lifetime in
        seconds of lab time, without (names of claims left out), claims (an object with more of them).
        """
        return self._call("POST", "/_ecrlab/ci/token", {"ref": ref, **more})

    def issuer(self, *, on: bool | None = None, rotate: bool = False) -> dict[str, Any]:
        """Switch the git server's documents off or on, or give it a new key; return as `ci` does."""
        return self._call("POST", "/_ecrlab/ci/issuer", {"rotate": True} if rotate else {"on": on})

    def ci_repository(self, name: str = "harbour-bikes/booking", role: str | None = None) -> dict[str, Any]:
        """Make a repository of the git server if it is missing; return ``{"name", "path", "role"}``.

        ``path`` is what `git push` takes; ``role`` sets the ARN that its runs find in AWS_ROLE_ARN.
        """
        return self._call("POST", "/_ecrlab/ci/repositories", {"name": name, "role": role})

    def ci_pushed(self, repository: str, updates: Sequence[Sequence[str]]) -> dict[str, Any]:
        """Tell the lab what was pushed to a repository, [old, new, ref] each; return ``{"runs", "notes"}``."""
        body = {"repository": repository, "updates": [list(each) for each in updates]}
        return self._call("POST", "/_ecrlab/ci/pushed", body)

    def ci_begin(self, **which: Any) -> dict[str, Any]:
        """Begin a run: of ``ref`` of ``repository``, or ``again`` the one of this number; return it."""
        return self._call("POST", "/_ecrlab/ci/begin", which)

    def ci_runs(self) -> list[dict[str, Any]]:
        """Return all runs of the git server, the oldest first (`ecrlab.ci.runs.Runs.begin` has their keys)."""
        runs: list[dict[str, Any]] = self._call("GET", "/_ecrlab/ci/runs")["runs"]
        return runs

    def ci_output(self, number: int, after: int = 0, wait: float = 0) -> dict[str, Any]:
        """Return ``{"run": a run, "text": what it printed behind byte ``after``, "next": where to go on}``.

        With ``wait`` seconds the call returns as soon as there is something, or the run has ended.
        """
        body = {"number": number, "after": after, "wait": wait}
        return self._call("POST", "/_ecrlab/ci/output", body, timeout=wait + 30)

    def ci_requests(self, run: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the X-ray's rows of a run: its session's, and the exchange of its token, refused or not."""
        first, last = run["rows"]
        rows: list[dict[str, Any]] = self.xray(after=first, limit=10_000)["rows"]
        return [row for row in rows if (last is None or row["seq"] <= last) and _is_of(row, run)]

    def region(self, region: str, on: bool) -> dict[str, Any]:
        """Switch a Region on or off; return ``{"regions_off": [names]}``."""
        return self._call("POST", "/_ecrlab/region", {"region": region, "on": on})

    def pull_as(
        self, who: str, repository: str, tag: str | None = None, role: str | None = None, region: str | None = None
    ) -> dict[str, Any]:
        """Pull an image as "lambda" or as "eks-node" (`ecrlab.aws.pullers`), and return what they say of it.

        ``repository`` is a name, for the node an address too; ``role`` is the node's, by default "node". Without a tag
        Lambda pulls again what it was given.
        """
        given = {"who": who, "repository": repository, "tag": tag, "role": role, "region": region}
        body = {key: value for key, value in given.items() if value is not None}
        return self._call("POST", "/_ecrlab/pull-as", body)

    def ecs(self, account: str | None = None) -> dict[str, dict[str, Any]]:
        """Return the clusters and families of an account, and what is meant to run (`ecrlab.aws.ecs.inside.meant`)."""
        query = urllib.parse.urlencode({"account": account} if account is not None else {})
        return self._call("GET", f"/_ecrlab/ecs?{query}")

    def ecs_tasks(self) -> list[dict[str, str]]:
        """Return every task of ECS that is shown, oldest first (`ecrlab.aws.ecs.inside.all_tasks`)."""
        found: list[dict[str, str]] = self._call("GET", "/_ecrlab/ecs/tasks")["tasks"]
        return found

    def ecs_task(self, task: str = "", cluster: str = "", lines: int = 200, **where: str) -> dict[str, Any]:
        """Return which task a text means and what its containers printed last (`ecrlab.aws.ecs.inside.shown`).

        ``task`` is an id, its first digits, an ARN, or a service, family or revision: its newest task; "": the newest
        of all. ``where``: account, region.
        """
        return self._call("POST", "/_ecrlab/ecs/task", {"task": task, "cluster": cluster, "lines": lines, **where})

    def ecs_page(self, task: str = "", cluster: str = "", port: int | None = None, path: str = "/") -> dict[str, Any]:
        """Ask the program of a task for a page; return {"container", "port", "text", "cut"}."""
        return self._call("POST", "/_ecrlab/ecs/page", {"task": task, "cluster": cluster, "port": port, "path": path})

    def scan_time(self, seconds: float) -> dict[str, Any]:
        """Set how long a scan takes at least, in seconds of lab time; 0: no longer than it needs."""
        return self._call("POST", "/_ecrlab/scans", {"seconds": seconds})

    def quotas(self, service: str = "ecr", region: str | None = None, account: str | None = None) -> dict[str, Any]:
        """Return the quotas of a registry, ``{"registry": …, "quotas": [{name, value, default, …}]}``.

        ``service`` is "ecr", or "ecr-public" for the account's public registry.
        """
        given = {"service": service, "region": region, "account": account}
        query = urllib.parse.urlencode({key: value for key, value in given.items() if value is not None})
        return self._call("GET", f"/_ecrlab/quotas?{query}")

    def quota(
        self,
        name: str,
        value: int | None,
        service: str = "ecr",
        region: str | None = None,
        account: str | None = None,
    ) -> dict[str, Any]:
        """Set a quota of a registry, None: back to its default; return it as `quotas` does."""
        given = {"service": service, "region": region, "account": account}
        body = {key: each for key, each in given.items() if each is not None}
        return self._call("POST", "/_ecrlab/quotas", {"name": name, "value": value, **body})

    def reset_quotas(self) -> dict[str, Any]:
        """Put all quotas of all registries back to their defaults; return ``{"removed": [what was set]}``."""
        return self._call("POST", "/_ecrlab/quotas", {"reset": True})

    def reset(
        self,
        *,
        repositories: Sequence[str] | None = None,
        users: Sequence[str] | None = None,
        policies: Sequence[str] | None = None,
        account: str | None = None,
        region: str | None = None,
        public: bool = False,
        hub: bool = False,
        settings: bool = False,
        delivery: bool = False,
        ci: bool = False,
        clusters: Sequence[str] | None = None,
        families: Sequence[str] | None = None,
        everything: bool = False,
    ) -> dict[str, Any]:
        """Put the lab, or only these repositories, users, policies of repositories or the hub, back to the start.

        ``public``: the repositories are ECR Public's. ``settings``: what is set for the registry of ``account`` and
        ``region`` as a whole, such as replication rules, cache rules, its policy, its quotas. ``ci``: the git server's
        repositories and runs. ``clusters`` and ``families`` of ECS, in ``account`` and ``region``, go with their
        services, tasks, containers and revisions. ``delivery``: what ECS, Lambda and OpenID Connect providers have in
        the ``account``. ``everything``: all that the ``account`` holds, in every Region, but its administrator. Returns
        what was removed.
        """
        body = {
            "policies": policies,
            "public": public or None,
            "repositories": repositories,
            "users": users,
            "account": account,
            "region": region,
            "hub": hub or None,
            "settings": settings or None,
            "delivery": delivery or None,
            "ci": ci or None,
            "clusters": clusters,
            "families": families,
            "all": everything or None,
        }
        wanted = {key: value for key, value in body.items() if value is not None}
        return self._call("POST", "/_ecrlab/reset", wanted, timeout=RESET_SECONDS)

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, timeout: float = 30
    ) -> dict[str, Any]:
        control = self.home.read_control()
        if not control:
            raise self._silent()
        request = urllib.request.Request(
            f"http://127.0.0.1:{control.get('port')}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "X-Ecrlab-Secret": str(control.get("secret", "")),
                "Content-Type": "application/json",
                "User-Agent": "ecrlab",
            },
        )
        try:
            with self._open(request, timeout=timeout) as answer:
                result = json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode("utf-8", "replace")
            try:
                message = str(json.loads(text)["message"])
            except (ValueError, KeyError, TypeError):
                message = f"{method} {path} was answered with {error.code}"
            raise LabError(message) from None
        except (OSError, ValueError) as error:
            if path != STATUS and isinstance(getattr(error, "reason", error), TimeoutError):
                raise LabError(
                    f"The lab of {self.home.path} has not answered {method} {path.partition('?')[0]} for {timeout:g} "
                    "seconds. It may still be at work on it. To see whether it runs: ecrlab status"
                ) from None
            raise LabNotRunning(self.home, f"port {control.get('port')}: {plain(error)}") from None
        return result if isinstance(result, dict) else {}

    def _silent(self) -> LabError:
        """Return why there is no control file: the lab does not run, or the home is another user's."""
        try:
            self.home.look()
        except OSError as error:
            return LabError(sentence(error, self.home.path))
        return LabNotRunning(self.home, "it has no control file")


def _is_of(row: Mapping[str, Any], run: Mapping[str, Any]) -> bool:
    """Tell whether a row of the X-ray is a run's: its session's, or the exchange of its token, refused or not."""
    name = f"run-{run['number']}"
    return (row.get("shows") or {}).get("session_name") == name or str(row.get("principal") or "").endswith(f"/{name}")


def _question(principal: str, action: str, resource: str) -> dict[str, str]:
    return {"principal": principal, "action": action, "resource": resource}


def quota_text(quota: Mapping[str, Any]) -> str:
    """Return a quota, as `LabClient.quota` gives it, in a sentence."""
    value = "off" if quota["value"] is None else f"{quota['value']:,} {quota['unit']}".rstrip()
    return f"{quota['name']}: {value} (default at AWS: {quota['default']:,})."
