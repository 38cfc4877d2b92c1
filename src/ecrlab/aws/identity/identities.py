"""Who there is in each account: users, groups, roles, policies, access keys and sessions, as documents in the store.

`Identities` is the only reader and writer of these tables. `iam` and `sts` are its faces on the wire; `access` asks it
for the policies of a principal at each request, so a change counts from the next request on.
"""

from __future__ import annotations

import base64
import re
import secrets
import string
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from ecrlab.aws.identity.managed import managed_policies
from ecrlab.policy import Attached, Policy, PolicyKind, parse_policy, union
from ecrlab.store import Store

Document = dict[str, Any]

# Of a user or of a role, as `new_id` makes them.
_UNIQUE_ID = re.compile("AIDA|AROA")
_BASE32 = string.ascii_uppercase + "234567"
_SECRET = string.ascii_letters + string.digits + "+/"


def new_id(prefix: str) -> str:
    """Return a fresh unique id: 17 random characters after the prefix, 16 in an access key id (``AKIA``, ``ASIA``)."""
    length = 16 if prefix in ("AKIA", "ASIA") else 17
    return prefix + "".join(secrets.choice(_BASE32) for _ in range(length))


def new_secret() -> str:
    """Return a fresh secret access key: 40 random characters."""
    return "".join(secrets.choice(_SECRET) for _ in range(40))


@dataclass(frozen=True, eq=False)
class Principal:
    """Who makes a request. Two are the same only when they are one object.

    Messages show ``arn``; ``holder`` is the user or role as read for this request, None when it is gone; ``context``
    holds the condition keys that follow from identity.
    """

    # "user", "session", "root", "service", or "web identity": the bearer of an identity token (GetSessionToken
    # credentials count as "user").
    kind: str
    account: str
    arn: str
    user_id: str
    name: str
    unique_id: str
    access_key: str
    session: Document | None = None
    context: dict[str, str | tuple[str, ...]] = field(default_factory=dict)
    holder: Document | None = None


@dataclass(frozen=True)
class Key:
    """An access key as the signature check needs it."""

    access_key: str
    secret: str
    token: str | None
    expires: float | None
    document: Document


@lru_cache(maxsize=4096)
def parsed(text: str, kind: PolicyKind) -> Policy:
    """Return the policy in ``text``, parsed once a process; the text was validated when it was put."""
    return parse_policy(text, kind)


class Identities:
    """Documents by account and name. Names are unique without regard to case, as in IAM."""

    def __init__(self, store: Store) -> None:
        self.store = store
        kinds = ("users", "groups", "roles", "policies", "oidc_providers")
        self._tables = {kind: store.table(f"iam.{kind}") for kind in kinds}
        self.keys = store.table("iam.access_keys")
        self.sessions = store.table("sts.sessions")

    # ------------------------------------------------------------------------------------------------------ entities

    def get(self, kind: str, account: str, name: str) -> Document | None:
        """Return the user, group, role or policy (``kind`` in the plural) called ``name``, or None."""
        found = self._tables[kind].get(f"{account}/{name.lower()}")
        return found if found and found["name"] == name else None

    def taken(self, kind: str, account: str, name: str) -> bool:
        """Tell whether the name is in use, in whatever case."""
        return self._tables[kind].get(f"{account}/{name.lower()}") is not None

    def put(self, kind: str, account: str, document: Document) -> None:
        """Keep ``document`` under its ``name``."""
        self._tables[kind].put(f"{account}/{document['name'].lower()}", document)

    def delete(self, kind: str, account: str, name: str) -> None:
        self._tables[kind].delete(f"{account}/{name.lower()}")

    def all(self, kind: str, account: str) -> list[Document]:
        """Return all users, groups, roles or policies of an account, by name."""
        return [document for _, document in self._tables[kind].items(prefix=f"{account}/")]

    def new_user(
        self, account: str, name: str, now: float, path: str = "/", tags: dict[str, str] | None = None
    ) -> Document:
        """Make a user with no rights and return the document."""
        user: Document = {
            "name": name,
            "path": path,
            "id": new_id("AIDA"),
            "arn": f"arn:aws:iam::{account}:user{path}{name}",
            "created": now,
            "tags": tags or {},
            "inline": {},
            "attached": [],
            "boundary": None,
            "groups": [],
        }
        self.put("users", account, user)
        return user

    def oidc_provider(self, arn: str) -> Document | None:
        """Return an OpenID Connect provider by its ARN, or None."""
        parts = arn.split(":", 5)
        if len(parts) != 6 or not parts[5].startswith("oidc-provider/"):
            return None
        found = self.get("oidc_providers", parts[4], parts[5].removeprefix("oidc-provider/"))
        return found if found and found["arn"] == arn else None

    # ------------------------------------------------------------------------------------------------------ policies

    def managed(self, arn: str) -> Document | None:
        """Return a managed policy by its ARN: AWS's own, or one of an account. None when there is none."""
        own = managed_policies().get(arn)
        if own is not None:
            version = {"document": own.document, "created": own.updated.timestamp()}
            return {
                "name": own.name,
                "path": own.path,
                "id": own.policy_id,
                "arn": own.arn,
                "created": own.created.timestamp(),
                "updated": own.updated.timestamp(),
                "description": own.description,
                "tags": {},
                "versions": {own.version: version},
                "default": own.version,
                "next": int(own.version[1:]) + 1,
            }
        parts = arn.split(":", 5)
        if len(parts) != 6 or not parts[5].startswith("policy/"):
            return None
        found = self.get("policies", parts[4], arn.rpartition("/")[2])
        return found if found and found["arn"] == arn else None

    def text_of(self, arn: str) -> str | None:
        """Return the text of a managed policy's default version."""
        own = managed_policies().get(arn)
        if own is not None:
            return own.document
        policy = self.managed(arn)
        return policy["versions"][policy["default"]]["document"] if policy else None

    def stranger(self, policy: Policy) -> str | None:
        """Return the first user or role that a resource or trust policy names and that does not exist, else None.

        A policy names one by its ARN, by its unique id, or a role by the ARN of one of its sessions.
        """
        for statement in policy.statements:
            for element in (statement.principals, statement.not_principals):
                for kind, value in element.entries if element else ():
                    if kind == "AWS" and not self._is_there(value):
                        return value
        return None

    def _is_there(self, principal: str) -> bool:
        """Tell whether the user or role that a Principal of the type AWS names exists; any account counts as there."""
        parts = principal.split(":", 5)
        if len(parts) < 6:
            return not _UNIQUE_ID.match(principal) or any(
                found["id"] == principal for kind in ("users", "roles") for _, found in self._tables[kind].items()
            )
        what, _, name = parts[5].partition("/")
        if what == "assumed-role":
            return self.get("roles", parts[4], name.partition("/")[0]) is not None
        if what in ("user", "role"):
            found = self.get(f"{what}s", parts[4], name.rpartition("/")[2])
            return found is not None and found["arn"] == principal
        return True

    def attachments(self, account: str) -> Iterator[tuple[str, Document]]:
        """Yield ("user" | "group" | "role", document) for everything a policy may be attached to."""
        for kind in ("users", "groups", "roles"):
            for document in self.all(kind, account):
                yield kind[:-1], document

    def policies_of(self, principal: Principal) -> tuple[tuple[Attached, ...], Attached | None, Policy | None]:
        """Return identity policies, permissions boundary and session policy of a principal.

        Several session policies act as one.

        A principal that was deleted since it signed in has no policies.
        """
        holder = principal.holder
        if holder is None:
            return (), None, None
        kind = "role" if principal.kind == "session" else "user"
        found = list(self._held(holder, f"{kind} {holder['name']}"))
        for group in holder.get("groups", ()):
            document = self.get("groups", principal.account, group)
            if document:
                found.extend(self._held(document, f"group {group}"))
        boundary = None
        if holder.get("boundary"):
            text = self.text_of(holder["boundary"])
            if text is not None:
                name = holder["boundary"].rpartition("/")[2]
                boundary = Attached(
                    policy=parsed(text, "boundary"), arn=holder["boundary"], name=name, source="permissions boundary"
                )
        session = principal.session or {}
        limits = [parsed(text, "session") for text in session.get("policies", ())]
        return tuple(found), boundary, union(*limits) if limits else None

    def _held(self, holder: Document, source: str) -> Iterator[Attached]:
        for name, text in holder["inline"].items():
            yield Attached(policy=parsed(text, "identity"), arn=None, name=name, source=source)
        for arn in holder["attached"]:
            text = self.text_of(arn)
            if text is not None:
                yield Attached(policy=parsed(text, "identity"), arn=arn, name=arn.rpartition("/")[2], source=source)

    # ------------------------------------------------------------------------------------------------ keys, sessions

    def new_key(self, account: str, user: str, now: float) -> Document:
        """Make an access key for a user and return its document."""
        key = {
            "id": new_id("AKIA"),
            "secret": new_secret(),
            "account": account,
            "user": user,
            "status": "Active",
            "created": now,
        }
        self.keys.put(str(key["id"]), key)
        return key

    def keys_of(self, account: str, user: str) -> list[Document]:
        """Return a user's access keys, oldest first."""
        found = [key for _, key in self.keys.items() if key["account"] == account and key["user"] == user]
        return sorted(found, key=lambda key: (key["created"], key["id"]))

    def key(self, access_key: str) -> Key | None:
        """Return an access key of a user (active ones only) or of a session (expired ones too), or None."""
        if access_key.startswith("ASIA"):
            session = self.sessions.get(access_key)
            if session is None:
                return None
            return Key(access_key, session["secret"], session["token"], session["expires"], session)
        found = self.keys.get(access_key)
        if found is None or found["status"] != "Active":
            return None
        return Key(access_key, found["secret"], None, None, found)

    def principal(self, key: Key) -> Principal | None:
        """Return who signs with ``key``; None when the user or role was deleted."""
        return (
            self.session_principal(key.document)
            if key.token
            else self.user_principal(key.document["account"], key.document["user"], key.access_key)
        )

    def user_principal(
        self, account: str, name: str, access_key: str, session: Document | None = None
    ) -> Principal | None:
        """Return the principal of a user."""
        user = self.get("users", account, name)
        if user is None:
            return None
        context: dict[str, str | tuple[str, ...]] = {
            "aws:PrincipalArn": user["arn"],
            "aws:PrincipalAccount": account,
            "aws:PrincipalType": "User",
            "aws:userid": user["id"],
            "aws:username": name,
        }
        context.update({f"aws:PrincipalTag/{tag}": value for tag, value in user["tags"].items()})
        if session:
            context["aws:MultiFactorAuthPresent"] = "false"
            context["aws:TokenIssueTime"] = session["issued_text"]
        return Principal("user", account, user["arn"], user["id"], name, user["id"], access_key, session, context, user)

    def session_principal(self, session: Document) -> Principal | None:
        """Return the principal of temporary credentials: a role session, or a user with a session token."""
        account, name = session["account"], session["name"]
        if session["kind"] == "user":
            return self.user_principal(account, name, session["id"], session)
        role = self.get("roles", account, name)
        if role is None or role["id"] != session["role_id"]:
            return None
        user_id = f"{role['id']}:{session['session_name']}"
        context: dict[str, str | tuple[str, ...]] = {
            "aws:PrincipalArn": role["arn"],
            "aws:PrincipalAccount": account,
            "aws:PrincipalType": "AssumedRole",
            "aws:userid": user_id,
            "aws:MultiFactorAuthPresent": "false",
            "aws:TokenIssueTime": session["issued_text"],
        }
        context.update({f"aws:PrincipalTag/{tag}": value for tag, value in {**role["tags"], **session["tags"]}.items()})
        if session.get("provider"):
            context["aws:FederatedProvider"] = session["provider"]
        if session.get("source_identity"):
            context["aws:SourceIdentity"] = session["source_identity"]
        arn = f"arn:aws:sts::{account}:assumed-role/{name}/{session['session_name']}"
        return Principal("session", account, arn, user_id, name, role["id"], session["id"], session, context, role)

    def new_session(self, session: Document, now: float, seconds: float) -> Document:
        """Keep a session with fresh credentials from lab time ``now`` for ``seconds``, and return its document."""
        session.update(
            id=new_id("ASIA"),
            secret=new_secret(),
            token=base64.b64encode(secrets.token_bytes(240)).decode(),
            issued=now,
            issued_text=datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            expires=now + seconds,
        )
        with self.store.transaction():
            # A registry token outlives the session it came from, at most by its 12 hours.
            self.drop_expired(now - 13 * 3600)
            self.sessions.put(session["id"], session)
        return session

    def drop_expired(self, before: float) -> None:
        """Forget the sessions that ended before ``before`` (epoch seconds, lab time)."""
        for key, session in self.sessions.items():
            if session["expires"] < before:
                self.sessions.delete(key)
