"""A repository that nobody made: a creation template and docker push."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

APP = "$REGISTRY/team-a/web"
RULE = {
    "rulePriority": 1,
    "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 3},
    "action": {"type": "expire"},
}


def test_a_template_makes_the_repository_of_a_push(sh: Any, image: Callable[..., str], lab: Any) -> None:
    sh.login()
    sh.good(f"docker tag {image(b'create on push')} {APP}:1.0")
    code, text = sh(f"docker push {APP}:1.0")
    assert code != 0
    gone = "The repository with name 'team-a/web' does not exist in the registry with id '123456789012'"
    assert f"name unknown: {gone}" in text
    policy = json.dumps({"rules": [RULE]})
    sh.good(
        "aws ecr create-repository-creation-template --prefix team-a --applied-for CREATE_ON_PUSH "
        f"--image-tag-mutability IMMUTABLE --lifecycle-policy '{policy}'"
    )
    pushed = sh.good(f"docker push {APP}:1.0")
    digest = next(word for word in pushed.split() if word.startswith("sha256:"))
    described = json.loads(sh.good("aws ecr describe-repositories --repository-names team-a/web"))
    assert described["repositories"][0]["imageTagMutability"] == "IMMUTABLE"
    kept = json.loads(sh.good("aws ecr get-lifecycle-policy --repository-name team-a/web"))
    assert json.loads(kept["lifecyclePolicyText"])["rules"][0]["rulePriority"] == 1
    sh.good(f"docker rmi {APP}:1.0")
    assert digest in sh.good(f"docker pull {APP}:1.0")
    # The settings are those of the template: the tag does not move.
    sh.good(f"docker tag {image(b'another')} {APP}:1.0")
    code, text = sh(f"docker push {APP}:1.0")
    assert code != 0
    assert "cannot be overwritten because the tag is immutable" in text


def test_a_name_outside_the_prefix_stays_unknown_and_a_pull_makes_nothing(
    sh: Any, image: Callable[..., str], lab: Any
) -> None:
    sh.login()
    sh.good("aws ecr create-repository-creation-template --prefix team-a --applied-for CREATE_ON_PUSH")
    for name in ("team-a", "team-ab/web"):
        sh.good(f"docker tag {image(b'outside')} $REGISTRY/{name}:1")
        code, text = sh(f"docker push $REGISTRY/{name}:1")
        assert code != 0
        assert "name unknown" in text
    code, text = sh(f"docker pull {APP}:1.0")
    assert code != 0
    assert "does not exist in the registry with id '123456789012'" in text
    assert lab.client("ecr").describe_repositories()["repositories"] == []
