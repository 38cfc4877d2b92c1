"""Who asks, made out from a text: a profile, a user, a role, an account's root, an identity token's bearer."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ecrlab.aws.cloud import Cloud
from ecrlab.aws.identity.bearer import Bearer
from ecrlab.aws.identity.identities import Document, Principal
from ecrlab.aws.seed import PEOPLE
from ecrlab.aws.sts import bearers
from ecrlab.aws.what_if.errors import Unanswerable, some
from ecrlab.home import ACCOUNT


def principal_named(cloud: Cloud, text: str) -> Principal:
    """Return the principal that ``text`` names, with no request of its own.

    ``text`` is a profile ("ops"), "user/ci", "role/deployer" (a session of that role), "root", each also with an
    account in front ("444455556666:user/partner"), or an ARN; or an identity token, for its bearer. Raises Unanswerable
    with the names there are, or with what STS says of the token.
    """
    if not isinstance(text, str) or not text.strip():
        raise Unanswerable("A principal is a text: a profile, user/NAME, role/NAME, or an ARN.")
    if bearers.is_token(text):
        return bearer_named(cloud, text).principal()
    account, rest = _account_and_name(text.strip())
    what, slash, name = rest.partition("/")
    if not slash and what == "root":
        return _root(account)
    if what in ("user", "role", "assumed-role") and slash:
        found = _entity(cloud, account, what, name)
    else:
        found = _entity(cloud, account, "user", rest) or _entity(cloud, account, "role", rest)
        if what == "group":
            raise Unanswerable(f"{text} is a group. A group makes no requests: ask for one of its users.")
    if found is None:
        raise Unanswerable(f"There is no principal {text!r}. {_who_there_is(cloud, account)}", "principal")
    return found


def bearer_named(cloud: Cloud, text: str) -> Bearer:
    """Return the bearer of an identity token; raises Unanswerable with what STS says of the token."""
    try:
        return bearers.bearer(cloud, text, ACCOUNT)
    except bearers.TokenRefused as refused:
        raise Unanswerable(str(refused)) from None


def _account_and_name(text: str) -> tuple[str, str]:
    parts = text.split(":", 5)
    if parts[0] == "arn":
        if len(parts) < 6 or parts[2] not in ("iam", "sts"):
            raise Unanswerable(f"{text!r} is not the ARN of a principal, such as arn:aws:iam::{ACCOUNT}:user/ci.")
        return parts[4], parts[5]
    if re.match(r"\d{12}:", text):
        return text[:12], text[13:]
    person = next((person for person in PEOPLE if text in (person.profile, f"user/{person.profile}")), None)
    return (person.account if person else ACCOUNT), text


def _root(account: str) -> Principal:
    arn = f"arn:aws:iam::{account}:root"
    context: dict[str, str | tuple[str, ...]] = {
        "aws:PrincipalArn": arn,
        "aws:PrincipalAccount": account,
        "aws:PrincipalType": "Account",
        "aws:userid": account,
    }
    return Principal("root", account, arn, account, "root", account, "", None, context)


def _entity(cloud: Cloud, account: str, what: str, name: str) -> Principal | None:
    identities = cloud.identities
    if what == "user":
        return identities.user_principal(account, name.rpartition("/")[2], "")
    # An ARN of a session is assumed-role/ROLE/SESSION; a role's own may hold a path before its name.
    role_name, session_name = name.rpartition("/")[2], "ecrlab"
    if what == "assumed-role":
        role_name, _, given = name.partition("/")
        session_name = given or session_name
    role = identities.get("roles", account, role_name)
    if role is None:
        return None
    now = cloud.clock.time()
    live = [
        session
        for _, session in identities.sessions.items()
        if session["kind"] == "role"
        and (session["role_id"], session["session_name"]) == (role["id"], session_name)
        and session["expires"] > now
    ]
    session = max(live, key=lambda each: each["issued"], default=None) or {
        "id": "",
        "kind": "role",
        "account": account,
        "name": role["name"],
        "role_id": role["id"],
        "session_name": session_name,
        "tags": {},
        "policies": [],
        "issued_text": "",
    }
    return identities.session_principal(session)


def documents(cloud: Cloud, kind: str) -> Iterator[tuple[str, Document]]:
    """Yield account and document of each of the "users", "roles" or another kind, of all accounts."""
    for key, document in cloud.store.table(f"iam.{kind}").items():
        yield key.partition("/")[0], document


def _who_there_is(cloud: Cloud, account: str) -> str:
    words = []
    for kind in ("users", "roles"):
        names = [document["name"] for where, document in documents(cloud, kind) if where == account]
        if names:
            words.append(f"{kind}: {some(names)}")
    others = sorted({where for where, _ in documents(cloud, "users")} - {account})
    text = f"Account {account} has {'; '.join(words)}." if words else f"Account {account} has no users and no roles."
    return text + (f" Other accounts: {some(others)}." if others else "")
