"""Measure how long it takes to find what is beyond a wish: python bench/surplus.py [--rounds N]

A realistic account: twenty repositories, five of them with a policy, six users and roles; a user with five policies of
its own and of a group, some with conditions and Denies, and a boundary. Wanted: under 150 ms.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ecrlab.aws import seed
from ecrlab.aws.cloud import Cloud
from ecrlab.aws.host import Host
from ecrlab.aws.surplus import beyond
from ecrlab.clock import Clock
from ecrlab.home import ACCOUNT, REGION
from ecrlab.policy.wanted import Grant, Wanted
from ecrlab.store import Store
from policy import BOUNDARY, IDENTITY, REPOSITORY_POLICY

STEM = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/"
LOGIN = Grant("ecr:GetAuthorizationToken")
READ = Grant(
    ("ecr:DescribeRepositories", "ecr:DescribeImages", "ecr:ListImages", "ecr:ListTagsForResource", "ecr:Get*")
)
EXACT = Wanted("ci", (LOGIN, READ, Grant("ecr:*", STEM + "team-a/*")))
NARROW = Wanted("ci", (LOGIN, Grant("ecr:PutImage", STEM + "team-a/web")))


def account(store: Store) -> Cloud:
    """Fill an account and return its cloud."""
    cloud = Cloud(store, Clock(store), Host())
    seed.seed(cloud)
    people = cloud.identities
    group = {"name": "devs", "inline": {"Read": IDENTITY["Read"]}, "attached": []}
    people.put("groups", ACCOUNT, group)
    versions = {"v1": {"document": BOUNDARY, "created": 0}}
    arn = f"arn:aws:iam::{ACCOUNT}:policy/Edge"
    people.put("policies", ACCOUNT, {"name": "Edge", "arn": arn, "tags": {}, "versions": versions, "default": "v1"})
    user = people.get("users", ACCOUNT, "ci")
    assert user is not None
    inline = {name: text for name, text in IDENTITY.items() if name != "Read"}
    held = {"inline": inline, "attached": [], "groups": ["devs"], "boundary": arn, "tags": {"team": "team-a"}}
    people.put("users", ACCOUNT, {**user, **held})
    for number in range(20):
        name = f"team-{'ab'[number % 2]}/service-{number}"
        made = store.create_repository(f"{ACCOUNT}/{REGION}", name, {}, now=0)
        if number % 4 == 0:
            store.update_repository(made.registry, made.name, {"policy": REPOSITORY_POLICY})
    return cloud


def measured(ask: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Return median and longest of some rounds in milliseconds of a processor, without the first, cold one."""
    ask()
    spent = []
    for _ in range(rounds):
        start = time.process_time()
        ask()
        spent.append((time.process_time() - start) * 1000)
    return statistics.median(spent), max(spent)


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--rounds", type=int, default=20)
    rounds = options.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder) / "store")
        cloud = account(store)
        for name, wanted in (("what was asked for", EXACT), ("wider", NARROW)):
            body = {"wanted": wanted.to_json()}
            start = time.process_time()
            found = beyond(cloud, body)
            cold = (time.process_time() - start) * 1000
            median, longest = measured(lambda body=body: beyond(cloud, body), rounds)  # type: ignore[misc]
            print(
                f"{name}: {median:.0f} ms of a processor, longest {longest:.0f} ms, the first time {cold:.0f} ms; "
                f"{found['verdict']}, {found['tried']} requests decided (wanted: under 150 ms)"
            )
            print(" ", (found["surplus"] or {}).get("text", ""), found["why"])
        store.close()


if __name__ == "__main__":
    main()
