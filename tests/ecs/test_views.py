"""A task and a service as a lesson shows them: what the card says is what the API and the X-ray say."""

from __future__ import annotations

from typing import Any

import pytest

from ecrlab.client import LabError
from ecrlab_course.toolbox.lab import Lab
from ecrlab_course.views import ecs


@pytest.fixture
def lesson(world: Any) -> Lab:
    return Lab(world.lab.home)


def test_a_task_says_who_pulled_which_digest(world: Any, lesson: Lab) -> None:
    world.register()
    arn = world.run()["taskArn"]
    before = world.last()
    task = lesson.task()
    assert (task.arn, task.definition, task.cluster, task.running) == (arn, "web:1", "shop", True)
    assert (task.digest, task.containers[0].tags, task.puller) == (world.digest, ("1",), "role/exec")
    assert (task.execution_role, task.task_role, task.denied) == ("exec", "task", ())
    asked = [row["action"] for row in task.rows]
    assert asked[:2] == ["sts:AssumeRole", "ecr:GetAuthorizationToken"]
    assert {"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"} <= set(asked)
    assert lesson.rows(before) == []
    shown = ecs.of_task(task)
    assert shown.text.splitlines()[0] == "Task of web:1 in shop: RUNNING"
    for words in ("role/exec", f"{world.digest[:19]}…", "now named 1", "✓ allowed  ecr:BatchGetImage  200"):
        assert words in shown.text
    # The same task by its other names; a tag that moved on, and an image that went.
    assert {lesson.task(text).arn for text in (arn, task.id, task.id[:8], "web", "web:1")} == {arn}
    world.lab.push("web", "1", content=b"next")
    assert lesson.task().containers[0].tags == ()
    world.ecr.batch_delete_image(repositoryName="web", imageIds=[{"imageDigest": world.digest}])
    assert "not in the repository any more" in ecs.of_task(lesson.task()).text


def test_a_task_that_could_not_pull_says_who_was_refused(world: Any, lesson: Lab) -> None:
    world.role("bare")
    world.register(executionRoleArn=world.iam.get_role(RoleName="bare")["Role"]["Arn"])
    world.run()
    task = lesson.task("web")
    assert (task.state, task.stop_code, task.digest, task.puller) == ("STOPPED", "TaskFailedToStart", "", "role/bare")
    assert [row["action"] for row in task.denied] == ["ecr:GetAuthorizationToken"]
    text = ecs.of_task(task).text
    assert "✗ denied  ecr:GetAuthorizationToken" in text
    assert "ResourceInitializationError" in text
    assert "nobody has pulled it" in text


def test_a_task_that_is_not_there(world: Any, lesson: Lab) -> None:
    with pytest.raises(LabError, match="There is no task"):
        lesson.task()
    world.register()
    first = world.run()["taskArn"].rpartition("/")[2]
    with pytest.raises(LabError, match=f"There is no task 'other'.* {first[:12]} of web:1"):
        lesson.task("other")
    with pytest.raises(LabError, match="in the cluster elsewhere"):
        lesson.task(cluster="elsewhere")


def test_a_service_shows_its_deployments_tasks_and_events(world: Any, lesson: Lab, network: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="There is no service"):
        lesson.service()
    world.register()
    world.ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=2, cluster="shop", **network)
    world.ecs.get_waiter("services_stable").wait(cluster="shop", services=["web"])
    service = lesson.service("web")
    assert (service.running, service.desired, service.stable, service.digests) == (2, 2, True, (world.digest,))
    assert {task.service for task in service.tasks} == {"web"}
    assert {task.puller for task in service.tasks} == {"role/exec"}
    text = ecs.of_service(service).text
    assert text.startswith("Service web in shop: 2 of 2 run web:1")
    assert "(service web) has started 1 tasks: (task " in text
    with pytest.raises(ValueError, match=r"There is no service 'other'\. There is: web"):
        lesson.service("other")
