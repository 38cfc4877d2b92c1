"""The learner's world as it begins: users of two accounts, their rights and keys."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ecrlab.aws.cloud import Cloud
from ecrlab.aws.ecr.lifecycle import forget
from ecrlab.aws.ecs.removal import remove
from ecrlab.aws.ecs.request import CLUSTERS, FAMILIES
from ecrlab.aws.identity.identities import Document
from ecrlab.home import ACCOUNT, PARTNER_ACCOUNT

AWS = "arn:aws:iam::aws:policy/"
ADMINISTRATOR = AWS + "AdministratorAccess"


@dataclass(frozen=True)
class Person:
    """One profile of the learner: a user of an account with one managed policy."""

    profile: str
    account: str
    policy: str


PEOPLE = (
    Person("admin", ACCOUNT, ADMINISTRATOR),
    Person("developer", ACCOUNT, AWS + "AmazonEC2ContainerRegistryPowerUser"),
    Person("ci", ACCOUNT, AWS + "AmazonEC2ContainerRegistryPullOnly"),
    Person("ops", ACCOUNT, AWS + "AmazonEC2ContainerRegistryPullOnly"),
    Person("auditor", ACCOUNT, AWS + "AmazonEC2ContainerRegistryReadOnly"),
    Person("partner", PARTNER_ACCOUNT, ADMINISTRATOR),
)


def seed(cloud: Cloud) -> dict[str, Document]:
    """Make the people that are missing, and return each profile's access key.

    Ids, secrets and creation times are drawn once and kept, so that a reset gives the same people back and neither
    credentials files nor docker logins go stale.
    """
    kept = cloud.store.table("lab.seed")
    keys: dict[str, Document] = {}
    with cloud.store.transaction():
        for person in PEOPLE:
            document = kept.get(person.profile)
            if document is None:
                now = cloud.clock.time()
                user = cloud.identities.new_user(person.account, person.profile, now)
                user["attached"] = [person.policy]
                document = {"user": user, "key": cloud.identities.new_key(person.account, person.profile, now)}
                cloud.identities.put("users", person.account, user)
                kept.put(person.profile, document)
            keys[person.profile] = document["key"]
    return keys


def reset_user(cloud: Cloud, account: str, name: str) -> list[str]:
    """Give a person of the seed the rights of the start; remove any other user. Return what was removed, in words."""
    identities = cloud.identities
    removed = []
    with cloud.store.transaction():
        user = identities.get("users", account, name)
        person = next((p for p in PEOPLE if (p.account, p.profile) == (account, name)), None)
        start = (cloud.store.table("lab.seed").get(name) or {}) if person else {}
        if user is not None:
            expected = start.get("user", {})
            removed += [f"inline policy {policy} of user {name}" for policy in user["inline"]]
            removed += [
                f"policy {arn} attached to user {name}"
                for arn in user["attached"]
                if arn not in expected.get("attached", ())
            ]
            removed += [f"user {name} from group {group}" for group in user["groups"]]
        for key in identities.keys_of(account, name):
            if key["id"] != start.get("key", {}).get("id"):
                identities.keys.delete(key["id"])
                removed.append(f"access key {key['id']} of user {name}")
        if start:
            identities.put("users", account, start["user"])
            identities.keys.put(start["key"]["id"], start["key"])
        elif user is not None:
            identities.delete("users", account, name)
            removed.append(f"user {name}")
    return removed


def reset_repositories(cloud: Cloud, registry: str, names: Iterable[str]) -> list[str]:
    """Remove the repositories that exist among ``names``; return the removed ones' addresses in words."""
    removed = []
    for name in names:
        repository = cloud.store.repository(registry, name)
        if repository is not None:
            cloud.store.delete_repository(registry, name)
            forget(cloud, repository)
            removed.append(f"repository {name} of {registry}")
    return removed


def reset_policies(cloud: Cloud, registry: str, names: Iterable[str]) -> list[str]:
    """Remove the policies of the repositories among ``names``, whoever they lock out; return these in words.

    What the account's root user does at AWS. The images stay.
    """
    removed = []
    with cloud.store.transaction() as store:
        for name in names:
            repository = store.repository(registry, name)
            if repository is not None and repository.attributes.get("policy"):
                store.update_repository(registry, name, {**repository.attributes, "policy": None})
                removed.append(f"policy of repository {name} of {registry}")
    return removed


#: What is set for a registry as a whole, by the table that keeps it: keys begin with the registry.
SETTINGS = {
    "ecr.templates": "creation templates",
    "ecr.pull_through": "pull-through cache rules",
    "ecr.backfills": "replication backfills",
}

#: What runs images in an account beside ECS, and what pipelines come in by, by its table: keys begin with the account.
DELIVERY = {"lambda.functions": "functions of Lambda", "iam.oidc_providers": "OpenID Connect providers"}


def reset_settings(cloud: Cloud, registry: str) -> list[str]:
    """Put what is set for a registry as a whole back to the start; return in words what was set.

    Its replication rules, its policy and account settings, its cache rules, creation templates, backfills and quotas.
    Images, repositories and what was begun stay.
    """
    removed = []
    with cloud.store.transaction() as store:
        settings = store.table("ecr.registries")
        for name, value in sorted((settings.get(registry) or {}).items()):
            if value:
                removed.append(f"setting {name} of {registry}")
        settings.delete(registry)
        for name, words in SETTINGS.items():
            table = store.table(name)
            found = table.items(f"{registry}/")
            for key, _ in found:
                table.delete(key)
            removed += [f"{words} of {registry}"] if found else []
    for quota in cloud.quotas.shown(registry):
        if quota["set"]:
            cloud.quotas.set(registry, quota["name"], None)
            removed.append(f"the quota {quota['name']} of {registry}, which was {quota['value']}")
    return removed


def reset_delivery(cloud: Cloud, account: str) -> list[str]:
    """Remove what runs images in an account, and whose identity tokens it reads; return in words what was there.

    Clusters, task definitions, tasks and services of ECS, functions of Lambda, OpenID Connect providers. Blocks.
    """
    removed = []
    tables = [cloud.store.table(name) for name in (CLUSTERS, FAMILIES)]
    for region in sorted({key.split("/")[1] for table in tables for key, _ in table.items(f"{account}/")}):
        removed += remove(cloud, f"{account}/{region}", None, None)
    with cloud.store.transaction() as store:
        for name, words in DELIVERY.items():
            table = store.table(name)
            found = table.items(f"{account}/")
            for key, _ in found:
                table.delete(key)
            removed += [f"{words} of {account}"] if found else []
    return removed


def empty_account(cloud: Cloud, account: str) -> list[str]:
    """Remove all that an account holds, in every Region, but its user admin; return in words what was there.

    What acts by itself goes first. The administrator keeps its keys and has no limits and no tags; a service's own
    roles stay. Blocks.
    """
    removed = reset_delivery(cloud, account)
    begin = f"{account}/"
    with cloud.store.transaction() as store:
        kept = [store.table(name) for name in ("ecr.registries", "lab.quotas", *SETTINGS)]
        found = {"/".join(key.split("/")[:2]) for table in kept for key, _ in table.items(begin)}
        repositories = {each for each in store.registries() if each.startswith(begin)}
        for registry in sorted(found | repositories):
            removed += reset_settings(cloud, registry)
        for registry in sorted(repositories):
            removed += reset_repositories(cloud, registry, [each.name for each in store.repositories(registry)])
        identities = cloud.identities
        rights: Document = {"inline": {}, "attached": [ADMINISTRATOR], "boundary": None, "groups": [], "tags": {}}
        for kind in ("users", "groups", "roles", "policies"):
            for document in identities.all(kind, account):
                name = document["name"]
                if (kind, name) == ("users", "admin"):
                    identities.put(kind, account, {**document, **rights})
                elif kind == "users":
                    removed += reset_user(cloud, account, name)
                elif not document["path"].startswith("/aws-service-role/"):
                    identities.delete(kind, account, name)
                    removed.append(f"{document['arn'].rpartition(':')[2]} of {account}")
    return removed


def reset_all(cloud: Cloud) -> list[str]:
    """Put the whole lab back to the start: repositories, identities, settings, clock. Ports and secrets stay."""
    removed = []
    with cloud.store.transaction():
        for registry in cloud.store.registries():
            names = [repository.name for repository in cloud.store.repositories(registry)]
            removed += reset_repositories(cloud, registry, names)
        for name in (
            "iam.users",
            "iam.groups",
            "iam.roles",
            "iam.policies",
            "iam.oidc_providers",
            "iam.access_keys",
            "sts.sessions",
            "ecr.registries",
            "ecr.restoring",
            "ecr.scan_counts",
            "cloudtrail.service_events",
            "ecr.templates",
            "ecr.pull_through",
            "ecr.pull_through.checked",
            "ecr.backfills",
            "ecr.backfill.waiting",
            "ecr.backfill.results",
            "ecr.signing_keys",
            "ecr-public.registries",
            "ecr-public.aliases",
            "ecs.clusters",
            "ecs.definitions",
            "ecs.families",
            "ecs.tasks",
            "ecs.services",
            "ecs.deployments",
            "ecs.revisions",
            "ecs.output",
            "lambda.functions",
            "work",
        ):
            table = cloud.store.table(name)
            for key, _ in table.items():
                table.delete(key)
        kept = cloud.store.table("lab.seed")
        for person in PEOPLE:
            document = kept.get(person.profile)
            if document is not None:
                cloud.identities.put("users", person.account, document["user"])
                cloud.identities.keys.put(document["key"]["id"], document["key"])
    removed += cloud.quotas.reset()
    cloud.last_used.forget()
    cloud.clock.reset()
    return removed


def administrator(cloud: Cloud, account: str) -> Document:
    """Return an access key of the user admin of an account, who is made when missing."""
    identities = cloud.identities
    with cloud.store.transaction():
        user = identities.get("users", account, "admin")
        if user is None:
            user = identities.new_user(account, "admin", cloud.clock.time())
        if ADMINISTRATOR not in user["attached"]:
            user["attached"] = [*user["attached"], ADMINISTRATOR]
            identities.put("users", account, user)
        keys = [key for key in identities.keys_of(account, "admin") if key["status"] == "Active"]
        return keys[0] if keys else identities.new_key(account, "admin", cloud.clock.time())
