"""The rows of the table that lessons 06, 07 and 08 fill: which request fills each, and which does not."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from ecrlab.home import Home
from ecrlab_course.authoring.content import Course, course
from ecrlab_course.authoring.staging import address, log_out, put_image
from ecrlab_course.authoring.wire import CONFIG, Wire, at_ecr, manifest_of
from ecrlab_course.failure import Refused
from ecrlab_course.learner.comparison import words
from ecrlab_course.learner.proofs_later import PROOFS
from ecrlab_course.learner.session import Session
from ecrlab_course.progress import Progress
from ecrlab_course.toolbox.lab import Lab
from ecrlab_course.views import comparison as drawing

from .conftest import furnished
from .test_comparison import shown

OURS, THEIRS, VIRGINIA, IRELAND = "123456789012", "444455556666", "us-east-1", "eu-west-1"
MAP = f"arn:aws:ecr:{VIRGINIA}:{OURS}:repository/map"
OS = Path(__file__).parents[2] / "content/lessons/08_safe_and_small/files/os"


@pytest.fixture
def session(running: Home, tmp_path: Path, the_course: Course) -> Iterator[Session]:
    lab = furnished(running, tmp_path, the_course)
    _tidy(lab)
    made = Session(lab, Progress(tmp_path / "progress.json"), the_course, lab.folder)
    made.comparison.update()
    yield made
    _tidy(lab)


def _tidy(lab: Lab) -> None:
    lab.regions_on()
    lab.clock.reset()
    for region in (VIRGINIA, IRELAND):
        lab.unset(region)
        lab.clear("map", "map-kms", region=region)
    lab.user("ops", "auditor")
    log_out(lab, "ops", "auditor")
    iam = lab.client("iam", "partner")
    with suppress(ClientError):
        iam.delete_user_policy(UserName="partner", PolicyName="map")


def _map(session: Session, tag: str = "1", **settings: Any) -> Any:
    """Make the repository, push one image, and return the client."""
    ecr = session.lab.client("ecr")
    ecr.create_repository(repositoryName="map", **settings)
    session.lab.push("map", tag)
    return ecr


def _allow(*actions: str, resource: str = MAP, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": [f"ecr:{action}" for action in actions], "Resource": resource, **more}


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


LOGIN = _allow("GetAuthorizationToken", resource="*")


def _only(lab: Lab, who: str, *statements: dict[str, Any]) -> None:
    """Let these statements be all that a user of ours has."""
    iam = lab.client("iam")
    for each in iam.list_attached_user_policies(UserName=who)["AttachedPolicies"]:
        iam.detach_user_policy(UserName=who, PolicyArn=each["PolicyArn"])
    for name in iam.list_user_policies(UserName=who)["PolicyNames"]:
        iam.delete_user_policy(UserName=who, PolicyName=name)
    for group in iam.list_groups_for_user(UserName=who)["Groups"]:
        iam.remove_user_from_group(GroupName=group["GroupName"], UserName=who)
    iam.put_user_policy(UserName=who, PolicyName="map", PolicyDocument=_policy(LOGIN, *statements))


def _layer(door: Wire) -> str:
    return str(door.get("manifests/1").json()["layers"][0]["digest"])


def _wait(session: Session, cell: str) -> list[str]:
    """Return what a cell says as soon as it says something; ECR copies in its own time."""
    for _ in range(50):
        if said := shown(session).get(cell):
            return said
        time.sleep(0.1)
    return []


def test_a_pull_alone_fills_no_row_of_a_later_lesson(session: Session) -> None:
    ecr = _map(session)
    door = at_ecr(session.lab, "map")
    door.get(f"blobs/{_layer(door)}")
    ecr.describe_images(repositoryName="map")
    ecr.describe_repositories()
    assert set(shown(session)) & set(PROOFS) == set()


# 06


def test_one_login_for_one_action_and_not_for_another_and_then_a_policy(session: Session) -> None:
    _map(session)
    _only(session.lab, "ops", _allow("BatchGetImage"))
    door = at_ecr(session.lab, "map", "ops")
    part = f"blobs/{_layer(door)}"
    assert "smaller.ecr" not in shown(session)
    assert door.get(part).status_code == 403
    found = shown(session)
    assert found["smaller.ecr"] == ["not the key, its owner: ops may BatchGetImage, not GetDownloadUrlForLayer"]
    assert "said-how.ecr" not in found
    door.get("manifests/1")
    assert "said-how.ecr" not in shown(session)
    _only(session.lab, "ops", _allow("BatchGetImage", "GetDownloadUrlForLayer"))
    assert door.get(part).ok
    assert shown(session)["said-how.ecr"] == ["by a policy of ops: GetDownloadUrlForLayer refused, then allowed"]


def test_a_refusal_under_another_policy_is_not_a_smaller_key(session: Session) -> None:
    _map(session)
    _only(session.lab, "ops", _allow("BatchGetImage", "GetDownloadUrlForLayer"))
    door = at_ecr(session.lab, "map", "ops")
    part = f"blobs/{_layer(door)}"
    _only(session.lab, "ops")
    assert door.get(part).status_code == 403
    assert "smaller.ecr" not in shown(session)


def test_a_policy_on_the_repository_lets_somebody_in(session: Session) -> None:
    ecr = _map(session)
    _only(session.lab, "auditor")
    pull = {"repositoryName": "map", "imageIds": [{"imageTag": "1"}]}
    with pytest.raises(ClientError):
        session.lab.client("ecr", "auditor").batch_get_image(**pull)
    him = {"AWS": f"arn:aws:iam::{OURS}:user/auditor"}
    ecr.set_repository_policy(
        repositoryName="map",
        policyText=_policy({"Effect": "Allow", "Principal": him, "Action": "ecr:BatchGetImage"}),
    )
    session.lab.client("ecr", "auditor").batch_get_image(**pull)
    found = shown(session)
    assert found["said-how.ecr"] == ["by a policy on map: auditor refused, then let in"]
    assert "conditions.ecr" not in found


def test_a_deny_that_is_gone_does_not_say_who_may(session: Session) -> None:
    ecr = _map(session)
    deny = {"Effect": "Deny", "Principal": "*", "Action": "ecr:ListImages"}
    ecr.set_repository_policy(repositoryName="map", policyText=_policy(deny))
    with pytest.raises(ClientError):
        ecr.list_images(repositoryName="map")
    ecr.delete_repository_policy(repositoryName="map")
    ecr.list_images(repositoryName="map")
    assert "said-how.ecr" not in shown(session)


def test_another_account_pulls_when_both_sides_say_yes(session: Session) -> None:
    ecr = _map(session)
    partner, pull = session.lab.client("ecr", "partner"), {"repositoryName": "map", "imageIds": [{"imageTag": "1"}]}
    session.lab.client("iam", "partner").put_user_policy(
        UserName="partner", PolicyName="map", PolicyDocument=_policy(_allow("BatchGetImage"))
    )
    with pytest.raises(ClientError):
        partner.batch_get_image(registryId=OURS, **pull)
    assert "conditions.ecr" not in shown(session)
    they = {"AWS": f"arn:aws:iam::{THEIRS}:user/partner"}
    ecr.set_repository_policy(
        repositoryName="map",
        policyText=_policy({"Effect": "Allow", "Principal": they, "Action": "ecr:BatchGetImage"}),
    )
    partner.batch_get_image(registryId=OURS, **pull)
    assert shown(session)["conditions.ecr"] == [f"account {THEIRS} pulled map: both sides said yes"]


@pytest.mark.parametrize("sid", ["", "SameTeam"])
def test_one_statement_matches_by_its_condition_and_not_for_another_repository(session: Session, sid: str) -> None:
    ecr = _map(session)
    ecr.create_repository(repositoryName="map-kms")
    ecr.tag_resource(resourceArn=MAP, tags=[{"Key": "team", "Value": "web"}])
    by_team = {"StringEquals": {"aws:ResourceTag/team": "web"}}
    more = {"Sid": sid} if sid else {}
    _only(session.lab, "auditor", _allow("BatchGetImage", resource="*", Condition=by_team, **more))
    his = session.lab.client("ecr", "auditor")
    his.batch_get_image(repositoryName="map", imageIds=[{"imageTag": "1"}])
    assert "conditions.ecr" not in shown(session)
    with pytest.raises(ClientError):
        his.batch_get_image(repositoryName="map-kms", imageIds=[{"imageTag": "1"}])
    assert shown(session)["conditions.ecr"] == ["a condition on aws:ResourceTag/team: map, not map-kms"]


def test_cloudtrail_names_who_did_what(session: Session) -> None:
    _map(session)
    trail = session.lab.client("cloudtrail")
    none = [{"AttributeKey": "EventName", "AttributeValue": "NoSuchEvent"}]
    trail.lookup_events(LookupAttributes=none)
    assert "log.ecr" not in shown(session)
    trail.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateRepository"}])
    assert shown(session)["log.ecr"] == ["CloudTrail: CreateRepository, by admin"]


# 07


def _rule(session: Session) -> None:
    to = [{"region": IRELAND, "registryId": OURS}]
    session.lab.client("ecr").put_replication_configuration(replicationConfiguration={"rules": [{"destinations": to}]})


def test_a_copy_by_the_learner_s_rule_fills_where_images_are(session: Session) -> None:
    _map(session)
    _rule(session)
    session.lab.push("map", "2", b"another")
    assert _wait(session, "places.ecr") == [f"in {IRELAND} as well, copied from {VIRGINIA} by your rule"]


def test_a_copy_by_a_rule_that_the_course_set_fills_nothing(session: Session) -> None:
    _map(session)
    before = session.lab.last()
    with session._by_the_course():
        _rule(session)
    session.lab.push("map", "2", b"another")
    for _ in range(100):
        if any(row["operation"] == "ReplicateImage" and row["status"] == 200 for row in session.lab.rows(before)):
            break
        time.sleep(0.1)
    else:
        pytest.fail("nothing was copied")
    assert "places.ecr" not in shown(session)


def test_a_region_serves_while_another_does_not_answer(session: Session) -> None:
    lab = session.lab
    lab.client("ecr", region=IRELAND).create_repository(repositoryName="map")
    lab.push("map", "1", region=IRELAND)
    door = at_ecr(lab, "map", registry=address(lab, IRELAND), region=IRELAND)
    door.get("manifests/1")
    lab.region(VIRGINIA).off()
    door.get("manifests/1")
    assert "places.ecr" not in shown(session)  # nobody had asked Virginia
    with pytest.raises((BotoCoreError, ClientError)):
        lab.client("ecr").describe_repositories()
    door.get("manifests/1")
    said = f"in the Region you name: {IRELAND} served, {VIRGINIA} did not answer"
    assert shown(session)["places.ecr"] == [said]


def test_a_region_that_answers_again_is_not_gone(session: Session) -> None:
    lab = session.lab
    lab.client("ecr", region=IRELAND).create_repository(repositoryName="map")
    lab.push("map", "1", region=IRELAND)
    door = at_ecr(lab, "map", registry=address(lab, IRELAND), region=IRELAND)
    lab.region(VIRGINIA).off()
    with pytest.raises((BotoCoreError, ClientError)):
        lab.client("ecr").describe_repositories()
    lab.region(VIRGINIA).on()
    lab.client("ecr").describe_repositories()
    door.get("manifests/1")
    assert "places.ecr" not in shown(session)


def _two_versions(lab: Lab) -> list[str]:
    """Push two images of one large layer and one small layer each; return the digests, the large layer's first."""
    lab.client("ecr").create_repository(repositoryName="map")
    door = at_ecr(lab, "map")
    base = door.put_blob(bytes(range(256)) * 400)
    config = door.put_blob(b"{}", CONFIG)
    parts = [door.put_blob(f"version {number}".encode()) for number in (1, 2)]
    for number, part in enumerate(parts, 1):
        door.put_manifest(manifest_of(config, base, part), f"v{number}").raise_for_status()
    return [str(each["digest"]) for each in (base, *parts)]


def test_a_new_server_moves_all_and_one_that_knows_the_rest_moves_what_changed(session: Session) -> None:
    base, first, second = _two_versions(session.lab)
    door = at_ecr(session.lab, "map")
    for path in ("manifests/v1", f"blobs/{base}", f"blobs/{first}"):
        door.get(path)
    assert "costs.ecr" not in shown(session)
    for path in ("manifests/v2", f"blobs/{second}"):
        door.get(path)
    said = shown(session)["costs.ecr"][0]
    assert said.startswith("by the byte: 10")
    assert said.endswith(" B to one that knew the rest")
    assert " KB to a new server, " in said


def test_two_new_servers_show_no_difference(session: Session) -> None:
    base, first, second = _two_versions(session.lab)
    door = at_ecr(session.lab, "map")
    for path in ("manifests/v1", f"blobs/{base}", f"blobs/{first}"):
        door.get(path)
    for path in ("manifests/v2", f"blobs/{base}", f"blobs/{second}"):
        door.get(path)
    assert "costs.ecr" not in shown(session)


def test_a_quota_that_the_api_names(session: Session) -> None:
    ecr = _map(session)
    number = len(ecr.describe_repositories()["repositories"])
    session.lab.quota("repositories per Region", number)
    with pytest.raises(ClientError):
        ecr.create_repository(repositoryName="map-kms")
    assert shown(session)["ends.ecr"] == [f"quotas: at {number} repositories, refused"]


def test_a_quota_of_things_and_a_rate_of_requests(session: Session) -> None:
    lab, ecr = session.lab, _map(session)
    lab.quota("images per repository", 1)
    with pytest.raises(Refused):
        lab.push("map", "2", b"another")
    assert shown(session)["ends.ecr"] == ["quotas: at 1 images, refused"]
    lab.quota("images per repository", None)
    lab.quota("PutImage per second", 1)
    for number in range(3):
        with suppress(Refused):
            lab.push("map", f"r{number}", f"{number}".encode())
    assert shown(session)["ends.ecr"] == ["rates: too many in a second, 429", "quotas: at 1 images, refused"]
    assert ecr.list_images(repositoryName="map")["imageIds"]


# 08


def test_a_tag_that_may_not_move(session: Session) -> None:
    _map(session, imageTagMutability="IMMUTABLE")
    assert "fixed-tags.ecr" not in shown(session)
    with pytest.raises(Refused):
        session.lab.push("map", "1", b"another")
    assert shown(session)["fixed-tags.ecr"] == ["a setting of the repository: 1 of map stayed"]


KEEP_ONE = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1},
                "action": {"type": "expire"},
            }
        ]
    }
)


def _three(session: Session) -> Any:
    ecr = _map(session)
    session.lab.push("map", "2", b"two")
    session.lab.push("map", "3", b"three")
    ecr.describe_images(repositoryName="map")
    return ecr


def test_a_lifecycle_policy_previewed_and_a_day_later(session: Session) -> None:
    ecr = _three(session)
    ecr.start_lifecycle_policy_preview(repositoryName="map", lifecyclePolicyText=KEEP_ONE)
    ecr.get_waiter("lifecycle_policy_preview_complete").wait(repositoryName="map", WaiterConfig={"Delay": 1})
    assert shown(session)["cleaning.ecr"] == ["a lifecycle policy; its preview takes 2"]
    ecr.put_lifecycle_policy(repositoryName="map", lifecyclePolicyText=KEEP_ONE)
    ecr.describe_images(repositoryName="map")
    assert len(shown(session)["cleaning.ecr"]) == 1
    session.lab.clock.advance(hours=25)
    ecr.describe_images(repositoryName="map")
    assert shown(session)["cleaning.ecr"][0] == "a lifecycle policy: 3 images, 25 hours later 1"


def test_what_somebody_deleted_no_rule_has_cleaned(session: Session) -> None:
    ecr = _three(session)
    ecr.put_lifecycle_policy(
        repositoryName="map", lifecyclePolicyText=KEEP_ONE.replace('"countNumber": 1', '"countNumber": 9')
    )
    ecr.batch_delete_image(repositoryName="map", imageIds=[{"imageTag": "2"}])
    session.lab.clock.advance(hours=25)
    ecr.describe_images(repositoryName="map")
    assert "cleaning.ecr" not in shown(session)


def test_whose_key_encrypts_is_shown_by_a_choice(session: Session) -> None:
    ecr = _map(session)
    assert "encrypts.ecr" not in shown(session)  # the default alone is lesson 08's first question
    ecr.create_repository(repositoryName="map-kms", encryptionConfiguration={"encryptionType": "KMS"})
    assert shown(session)["encrypts.ecr"] == ["S3's own (AES256); a KMS key where chosen: map-kms"]


@pytest.mark.parametrize(("version", "found"), [("12.1", "1 CRITICAL, 1 HIGH, 1 UNDEFINED"), ("12.9", "nothing")])
def test_a_scan_tells_what_it_found(session: Session, version: str, found: str) -> None:
    ecr, folder = _map(session), OS / version
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    put_image(session.lab, "map", "2", files)
    which = {"repositoryName": "map", "imageId": {"imageTag": "2"}}
    with pytest.raises(ClientError):
        ecr.describe_image_scan_findings(**which)
    session.lab.scan_time(600)
    ecr.start_image_scan(**which)
    ecr.describe_image_scan_findings(**which)
    assert "scanning.ecr" not in shown(session)  # asked too early
    session.lab.clock.advance(minutes=11)
    session.lab.scan_time(0)
    ecr.get_waiter("image_scan_complete").wait(**which, WaiterConfig={"Delay": 1})
    assert shown(session)["scanning.ecr"] == [f"its own scan of map found {found}"]


def test_another_reader_finds_what_the_first_does_not_read(session: Session) -> None:
    folder = OS.parent / "booking/site"
    files = {
        f"usr/lib/python3/dist-packages/{path.relative_to(folder)}": path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    base = OS / "12.9"
    files |= {str(path.relative_to(base)): path.read_bytes() for path in base.rglob("*") if path.is_file()}
    ecr = _map(session)
    always = {"scanFrequency": "CONTINUOUS_SCAN", "repositoryFilters": [{"filter": "map", "filterType": "WILDCARD"}]}
    ecr.put_registry_scanning_configuration(scanType="ENHANCED", rules=[always])
    put_image(session.lab, "map", "2", files)
    said: list[str] = []
    for _ in range(50):
        with suppress(ClientError):
            ecr.describe_image_scan_findings(repositoryName="map", imageId={"imageTag": "2"})
            if said := shown(session).get("scanning.ecr", []):
                break
        time.sleep(0.1)
    ecr.put_registry_scanning_configuration(scanType="BASIC", rules=[])
    assert said == ["Amazon Inspector found 1 HIGH in map"]


# The drawing


def test_a_lesson_s_rows_keep_their_numbers_and_are_open_there(session: Session) -> None:
    lines = session.comparison.lines("07")
    assert [line.number for line in lines] == [16, 17, 18]
    text = drawing.drawn(lines, "07").text
    assert "18 What has an upper end" in text
    assert "open: nobody has asked yet" in text
    assert text.endswith("0 shown by you · 3 documented · 3 open · all rows: lab.table()")
    with pytest.raises(KeyError, match=r"Lesson 05 fills no row .* These do: 06, 07, 08, 10"):
        session.comparison.lines("05")


def test_the_lessons_of_the_table_are_those_that_show_it() -> None:
    """A row that waits for a lesson is of no use when that lesson never shows the table."""
    cells = [row[side] for row in words(course().root).values() for side in ("hub", "ecr")]
    for lesson in {cell["lesson"] for cell in cells if "lesson" in cell} - {"10"}:
        assert f'lab.table("{lesson}")' in course().lesson(lesson).text.read_text(encoding="utf-8")
        for cell in (each for each in cells if each.get("lesson") == lesson):
            assert len(cell) > 1, f"lesson {lesson} fills a cell that has no words"
