"""False alarm 3: a rule that never was."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ecrlab_course.desk.town import Open, Town

RULE = {
    "rulePriority": 1,
    "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1},
    "action": {"type": "expire"},
}


def name_the_repository(town: Town) -> None:
    town.notes["repository"] = town.running[0]


SEEDS = {"none": name_the_repository}


def closed(town: Town, cause: str) -> Iterator[Open]:
    repository = town.notes["repository"]
    try:
        town.ecr.get_lifecycle_policy(repositoryName=repository)
    except town.ecr.exceptions.LifecyclePolicyNotFoundException:
        return
    yield Open("rule-set", repository=repository)


def set_a_rule(town: Town) -> None:
    text = json.dumps({"rules": [RULE]})
    town.ecr.put_lifecycle_policy(repositoryName=town.notes["repository"], lifecyclePolicyText=text)


def set_a_rule_and_wait(town: Town) -> None:
    set_a_rule(town)
    town.advance(days=3)


WRONG = {
    "none": {
        "a rule set in its place": (set_a_rule, "rule-set"),
        "a rule set, and three days later": (set_a_rule_and_wait, "things"),
    }
}
