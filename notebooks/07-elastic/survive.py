"""Four designs, three questions, and us-east-1 gone: python survive.py

A new server in Ireland wants the version in use (4.1), and last week's (4.0); Dara wants to release 4.2.
"""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from typing import Any

import boto3
from botocore.config import Config
from thousand import BASE, Door, Image, push_all, token_of  # type: ignore[import-not-found]

ME, V, I = "123456789012", "us-east-1", "eu-west-1"  # noqa: E741
ADDRESS = {V: os.environ["REGISTRY"], I: os.environ["REGISTRY_EU"]}
DESIGNS = {  # name: where a server in Ireland pulls from, and where Dara pushes to
    "one Region": ((V, "one/booking"), (V, "one/booking")),
    "push once, replicate": ((I, "copied/booking"), (I, "copied/booking")),
    "cache near the servers": ((I, "near/one/booking"), (V, "one/booking")),
    "push twice": ((I, "both/booking"), (I, "both/booking")),
}


def ecr(region: str) -> Any:
    """Return a client of ECR in a Region."""
    return boto3.client("ecr", region_name=region, config=Config(retries={"total_max_attempts": 1}))  # type: ignore


def pulls(door: Door, name: str, tag: str) -> bool:
    """Tell whether a server that has nothing can fetch the image."""
    try:
        door.ask("GET", f"{name}/manifests/{tag}")
    except (OSError, SystemExit):
        return False
    finally:
        door.line.close()
    return True


def pushes(door: Door, name: str, tag: str) -> bool:
    """Tell whether a new version can be pushed."""
    try:
        door.blob(name, BASE)
        door.push(name, tag, Image(tag))
    except (OSError, SystemExit):
        return False
    finally:
        door.line.close()
    return True


def build(tokens: dict[str, str]) -> None:
    """Make the four designs, and release 4.0 and 4.1 in each."""
    for region, name in ((V, "one/booking"), (V, "copied/booking"), (V, "both/booking"), (I, "both/booking")):
        with suppress(ecr(region).exceptions.RepositoryAlreadyExistsException):
            ecr(region).create_repository(repositoryName=name)
    rules = ecr(V).describe_registry()["replicationConfiguration"]["rules"]
    copies = {"repositoryFilters": [{"filter": "copied/", "filterType": "PREFIX_MATCH"}]}
    ours = {"destinations": [{"region": I, "registryId": ME}], **copies}
    if ours not in rules:
        ecr(V).put_replication_configuration(replicationConfiguration={"rules": [*rules, ours]})
    with suppress(ecr(I).exceptions.PullThroughCacheRuleAlreadyExistsException):
        source = f"{ME}.dkr.ecr.{V}.amazonaws.com"
        ecr(I).create_pull_through_cache_rule(ecrRepositoryPrefix="near", upstreamRegistryUrl=source)
    for region, name in ((V, "one/booking"), (V, "copied/booking"), (V, "both/booking"), (I, "both/booking")):
        push_all(ADDRESS[region], tokens[region], name, ["4.0", "4.1"])
    pulls(Door(ADDRESS[I], tokens[I]), "near/one/booking", "4.1")  # somebody asked for it once
    while not pulls(Door(ADDRESS[I], tokens[I]), "copied/booking", "4.1"):
        pass


def main() -> None:
    """Build, switch Virginia off, try, switch it on, and say what worked."""
    tokens = {region: token_of(region) for region in (V, I)}
    build(tokens)
    rows = []
    subprocess.run(["ecrlab", "region", V, "off"], check=True, stdout=subprocess.DEVNULL)
    try:
        for design, ((from_region, source), (to_region, target)) in DESIGNS.items():
            answers = [pulls(Door(ADDRESS[from_region], tokens[from_region]), source, tag) for tag in ("4.1", "4.0")]
            answers.append(pushes(Door(ADDRESS[to_region], tokens[to_region]), target, "4.2"))
            rows.append((design, answers))
    finally:
        subprocess.run(["ecrlab", "region", V, "on"], check=True, stdout=subprocess.DEVNULL)
    print(f"{'':24}{'in use':>8}{'last week':>12}{'new':>6}")
    for design, answers in rows:
        in_use, last_week, new = ("yes" if each else "no" for each in answers)
        print(f"{design:24}{in_use:>8}{last_week:>12}{new:>6}")
    for region in (V, I):  # so that a second run begins like the first
        with suppress(ecr(region).exceptions.RepositoryNotFoundException):
            for name in ("copied/booking", "both/booking"):
                ecr(region).batch_delete_image(repositoryName=name, imageIds=[{"imageTag": "4.2"}])


if __name__ == "__main__":
    main()
