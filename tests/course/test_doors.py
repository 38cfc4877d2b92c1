"""A matrix of doors: how they stand, what a team may do beyond its table, and how both are drawn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ecrlab.home import Home
from ecrlab_course.authoring.beyond import Grant, beyond
from ecrlab_course.authoring.lesson import Doors
from ecrlab_course.authoring.matrix import ASSUME, Here, keys_of_trust
from ecrlab_course.authoring.team import Member, team
from ecrlab_course.documents.matrix import HALF, OPEN, SHUT, Door, Matrix, Person, Stand, counted
from ecrlab_course.notebook import matrix_card
from ecrlab_course.toolbox.lab import Lab
from ecrlab_course.views import matrix as view

ACCOUNT = "123456789012"
APP = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/app"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/pusher"
PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
OMAR, PUSHER = Person("Omar", "user/ops"), Person("The pusher", "role/pusher")
MATRIX = Matrix(
    (OMAR, PUSHER),
    (
        Door("Omar", "pull", "app", PULL, APP, True),
        Door("Omar", "push", "app", ("ecr:PutImage", PULL[0]), APP, False, ("ecr:PutImage",)),
        Door("Omar", "become", "pusher", (ASSUME,), ROLE, False),
        Door("The pusher", "pull", "app", PULL, APP, True),
    ),
)
MEMBERS = {
    "Omar": Member("user/ops", (Grant(PULL, APP),), (Grant("ecr:*Image*"), Grant(("ecr:Get*", "ecr:BatchImport*")))),
    "The pusher": Member("role/pusher", (Grant(PULL, APP),)),
}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trust(principal: object, **more: Any) -> str:
    return document({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more})


@pytest.fixture
def lab(running: Home, tmp_path: Path) -> Lab:
    """A lab with a repository app; Omar may pull, by the seed's policy."""
    found = Lab(running, tmp_path)
    found.control.reset()
    found.client("ecr").create_repository(repositoryName="app")
    return found


def states(lab: Lab) -> list[str]:
    return [stand.state for stand in Here(lab.looking(), MATRIX).stands()]


def test_a_role_that_is_not_there_opens_nothing(lab: Lab) -> None:
    before = lab.rows(0)
    here = Here(lab.looking(), MATRIX)
    stands = here.stands()
    assert [stand.state for stand in stands] == [OPEN, SHUT, SHUT, SHUT]
    assert counted(stands) == 3
    assert stands[3].answer == {}
    assert "identity-based" in stands[0].answer["explanation"]
    assert lab.rows(0) == before, "a look leaves no trace"


def test_whoever_reaches_a_role_reaches_its_doors(lab: Lab) -> None:
    iam = lab.client("iam")
    iam.create_role(RoleName="pusher", AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{ACCOUNT}:user/ops"}))
    push = {"Effect": "Allow", "Action": "ecr:PutImage", "Resource": APP}
    iam.put_role_policy(RoleName="pusher", PolicyName="push", PolicyDocument=document(push))
    here = Here(lab.looking(), MATRIX)
    assert here.reached["Omar"] == ("role/pusher",)
    stands = here.stands("Omar")
    assert [stand.state for stand in stands] == [OPEN, HALF, OPEN]
    assert stands[1].by == "role/pusher"
    alone = Matrix((Person("Omar", "user/ops", alone=True), PUSHER), MATRIX.doors)
    assert Here(lab.looking(), alone).stands("Omar")[1].state == SHUT


def test_an_external_id_that_a_trust_policy_wants_is_brought(lab: Lab) -> None:
    wanted = {"StringEquals": {"sts:ExternalId": "seven"}, "StringLike": {"sts:RoleSessionName": "build-?*"}}
    text = trust({"AWS": f"arn:aws:iam::{ACCOUNT}:user/ops"}, Condition=wanted)
    lab.client("iam").create_role(RoleName="pusher", AssumeRolePolicyDocument=text)
    assert keys_of_trust(json.loads(text)) == {"sts:ExternalId": "seven", "sts:RoleSessionName": "build-11"}
    assert states(lab)[2] == OPEN


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Deny", "Condition": {"StringEquals": {"sts:ExternalId": "seven"}}},
        {"Effect": "Allow", "Condition": {"StringNotEquals": {"sts:ExternalId": "seven"}}},
        {"Effect": "Allow", "Condition": {"NumericLessThan": {"sts:ExternalId": "7"}}},
        {"Effect": "Allow"},
    ],
)
def test_other_conditions_bring_nothing(statement: dict[str, Any]) -> None:
    assert keys_of_trust({"Statement": statement}) == {}


def test_a_team_s_wish_finds_the_role_on_the_way(lab: Lab) -> None:
    iam = lab.client("iam")
    iam.create_role(RoleName="way", AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{ACCOUNT}:user/ops"}))
    view = lab.looking()
    assert not beyond(view, team(view, Here(view, MATRIX), MEMBERS, ["Omar"])).wider
    delete = {"Effect": "Allow", "Action": "ecr:DeleteRepository", "Resource": APP}
    iam.put_role_policy(RoleName="way", PolicyName="more", PolicyDocument=document(delete))
    found = beyond(view, team(view, Here(view, MATRIX), MEMBERS, ["Omar"]))
    assert (found.who, found.action) == ("role/way", "ecr:DeleteRepository")
    assert found.count >= 1
    assert found.whole["Action"] == "ecr:DeleteRepository"


def test_whom_a_trust_policy_lets_in_from_elsewhere_is_found(lab: Lab) -> None:
    lab.client("iam").create_role(RoleName="pusher", AssumeRolePolicyDocument=trust("*"))
    view = lab.looking()
    found = beyond(view, team(view, Here(view, MATRIX), MEMBERS, ["The pusher"], doors="roles"))
    assert found.action == ASSUME
    assert "anybody in an account that nobody named" in found.who


def test_a_tag_that_says_what_the_pattern_says_passes(lab: Lab) -> None:
    lab.client("ecr").tag_resource(resourceArn=APP, tags=[{"Key": "stage", "Value": "dev"}])
    iam = lab.client("iam")
    iam.detach_user_policy(UserName="ops", PolicyArn="arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly")
    by_tag = {"StringEquals": {"aws:ResourceTag/stage": "dev"}}
    statement = {"Effect": "Allow", "Action": list(PULL), "Resource": "*", "Condition": by_tag}
    iam.put_user_policy(UserName="ops", PolicyName="pull", PolicyDocument=document(statement))
    view = lab.looking()
    members = {**MEMBERS, "Omar": Member("user/ops", (Grant(PULL, APP),))}
    assert beyond(view, team(view, Here(view, MATRIX), members, ["Omar"])).verdict == "nothing wider"
    lab.client("ecr").create_repository(repositoryName="secret", tags=[{"Key": "stage", "Value": "dev"}])
    assert beyond(view, team(view, Here(view, MATRIX), members, ["Omar"])).wider


def test_somebody_whom_nobody_named_counts(lab: Lab) -> None:
    iam = lab.client("iam")
    view = lab.looking()
    whole = {**MEMBERS, **{name: Member(f"user/{name}", (Grant("*"),)) for name in ("developer", "ci", "auditor")}}
    people = Matrix((*MATRIX.people, *(Person(name, f"user/{name}") for name in ("developer", "ci", "auditor"))), ())
    assert not beyond(view, team(view, Here(view, people), whole)).wider
    iam.create_user(UserName="temp")
    statement = {"Effect": "Allow", "Action": "ecr:PutImage", "Resource": "*"}
    iam.put_user_policy(UserName="temp", PolicyName="push", PolicyDocument=document(statement))
    assert beyond(view, team(view, Here(view, people), whole)).who == "user/temp"


def test_the_drawing_says_in_words_what_its_colours_say() -> None:
    answer = {
        "allowed": True,
        "principal": f"arn:aws:iam::{ACCOUNT}:user/ops",
        "action": "ecr:PutImage",
        "resource": APP,
        "explanation": 'Allowed by statement "<b>".',
    }
    stands = [Stand(MATRIX.doors[0], OPEN, "user/ops", answer), Stand(MATRIX.doors[1], OPEN, "user/ops", answer)]
    stands += [Stand(MATRIX.doors[2], SHUT, "user/ops", {}), Stand(MATRIX.doors[3], HALF, "role/pusher", answer)]
    shown = view.shown(MATRIX, stands, ["The pusher"])
    assert "  ✓ open      pull app" in shown.text
    assert "  ✗ open      push app                    (should be shut)" in shown.text
    assert "  ✗ half open pull app                    (should be open)" in shown.text
    assert "The pusher: 0 of 1   (not there yet)" in shown.text
    assert shown.text.endswith("2 of 4 doors stand as they should.")
    assert "<b>&quot;" not in shown.html
    assert "&lt;b&gt;" in shown.html
    assert shown.html.count("<details") == 4
    assert "there is no such role yet" in shown.html
    assert len(view.shown(MATRIX, [stands[0]] * 67).html) < 60_000


def test_the_card_is_drawn_again_when_a_door_moves(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Any] = []

    class Handle:
        def update(self, shown: Any) -> None:
            drawn.append(shown)

    def display(shown: Any, display_id: bool) -> Handle:
        drawn.append(shown)
        return Handle()

    monkeypatch.setattr(matrix_card, "display", display)
    card = matrix_card.MatrixCard(lab, Doors(MATRIX, lambda view: team(view, Here(view, MATRIX), MEMBERS)))
    card.show(live=False)
    card.refresh()
    assert len(drawn) == 1
    lab.client("iam").detach_user_policy(
        UserName="ops", PolicyArn="arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"
    )
    card.refresh()
    assert len(drawn) == 2
    assert "✗ shut      pull app" in drawn[1].text
    card.close()
    lab.client("iam").attach_user_policy(
        UserName="ops", PolicyArn="arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"
    )
    card.refresh()
    assert len(drawn) == 2


def test_one_door_is_asked_for_by_name(lab: Lab) -> None:
    doors = Doors(MATRIX, lambda view: team(view, Here(view, MATRIX), MEMBERS))
    said = matrix_card.why(lab, doors, "Omar", "pull").text
    assert said.startswith("Omar: pull app: ✓ open\n✓ allowed: user/ops may ecr:BatchGetImage on repository/app\n")
    with pytest.raises(ValueError, match="no door of “Aiko” with “pull” in it"):
        matrix_card.why(lab, doors, "Aiko", "pull")


def test_a_matrix_has_no_door_of_nobody() -> None:
    with pytest.raises(ValueError, match="these people: Omar"):
        Matrix((OMAR,), MATRIX.doors)
