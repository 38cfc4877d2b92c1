"""The booking service of Harbour Bikes as lab 04 finds it, and what its repository holds: names, files, history."""

from __future__ import annotations

import io
import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ecrlab.ci.repositories import git_environment
from ecrlab_course.authoring import Lab
from ecrlab_course.authoring.staging import log_in, log_out, made, put_image

SOURCE = "harbour-bikes/booking"
"""The git server's repository."""
NAME, CLUSTER, SERVICE = "harbour/booking", "harbour", "booking"
PIPELINE, EXECUTION, TASK, ROBOT, OMAR = "pipeline", "booking-execution", "booking-task", "robot", "ops"
HOST = "git.harbour-bikes.example"
MAIN = f"repo:{SOURCE}:ref:refs/heads/main"
AUDIENCE_ALONE = {"StringEquals": {f"{HOST}:aud": "sts.amazonaws.com"}}
"""The condition of the first draft of the trust policy: every letter is addressed to STS."""
MANAGED = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
POWER_USER = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser"
SEED = Path(__file__).parent / "seed"
"""The files of the first commit."""
COMMITS = 14
"""In so many commits of main the key can be read."""
SUBJECTS = (
    "The booking page", "Opening hours", "Prices", "A photo of the harbour", "Helmets", "Prices again", "Typo",
    "Winter opening hours", "A child seat", "The map", "Spring", "Two more bicycles", "Regatta: a note", "Regatta",
)  # fmt: skip


def role_arn(lab: Lab, name: str) -> str:
    """Return a role's ARN."""
    return f"arn:aws:iam::{lab.account}:role/{name}"


def repository_arn(lab: Lab, name: str = NAME) -> str:
    """Return the ARN of a repository in the account's home Region."""
    return f"arn:aws:ecr:us-east-1:{lab.account}:repository/{name}"


def service_arn(lab: Lab, name: str = SERVICE) -> str:
    """Return the ARN of a service in the cluster."""
    return f"arn:aws:ecs:us-east-1:{lab.account}:service/{CLUSTER}/{name}"


def document(*statements: Mapping[str, Any]) -> str:
    """Return a policy of these statements as JSON; each is an Allow unless it says otherwise."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]})


def wait_for(good: Callable[[], Any], what: str, seconds: float = 20) -> Any:
    """Return what `good` gives once it is true. Raises RuntimeError: not within so many seconds of real time."""
    deadline = time.monotonic() + seconds
    while not (found := good()):
        if time.monotonic() > deadline:
            raise RuntimeError(f"Not within {seconds:.0f} s: {what}.")
        time.sleep(0.05)
    return found


# The start


def seed_files() -> dict[str, str]:
    """Return the files of the booking page's repository, without pipeline.sh."""
    return {
        str(path.relative_to(SEED)): path.read_text(encoding="utf-8")
        for path in sorted(SEED.rglob("*"))
        if path.is_file() and path.name != "pipeline.sh"
    }


def old_pipeline(key: str, secret: str) -> str:
    """Return pipeline.sh as it is, with its key."""
    text = (SEED / "pipeline.sh").read_text(encoding="utf-8")
    return text.replace("THE-KEY", key).replace("THE-SECRET", secret)


def build_town(lab: Lab) -> None:
    """Empty the lab, and build the service, those who deal with it, and the repository of its source."""
    lab.control.reset()
    lab.clock.reset()
    log_out(lab, "admin", "ops")
    key = _people(lab)
    ecr, ecs = lab.client("ecr"), lab.client("ecs")
    ecr.create_repository(repositoryName=NAME)
    ecr.create_repository(repositoryName="harbour/map")
    rule = {
        "rulePriority": 1,
        "description": "any image, keep three",
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 3},
        "action": {"type": "expire"},
    }
    ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=json.dumps({"rules": [rule]}))
    ecs.create_cluster(clusterName=CLUSTER)
    first_image(lab)
    recipe = (SEED / "task.json").read_text(encoding="utf-8").replace("IMAGE", f"{lab.registry}/{NAME}:latest")
    ecs.register_task_definition(**json.loads(recipe))
    network = {"awsvpcConfiguration": {"subnets": ["subnet-0abc1234"], "securityGroups": ["sg-0abc1234"]}}
    ecs.create_service(
        cluster=CLUSTER,
        serviceName=SERVICE,
        taskDefinition="booking",
        desiredCount=2,
        launchType="FARGATE",
        networkConfiguration=network,
        deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": False}},
    )
    history(lab, old_pipeline(*key))
    settle(lab)


def first_image(lab: Lab) -> None:
    """Put the image that runs at first: built where there is an engine, because something has to run there."""
    files = seed_files()
    if lab.engine == "none":
        page = {name: text.encode() for name, text in files.items() if name.startswith("www/")}
        put_image(lab, NAME, "latest", {**page, "var/lib/dpkg/status": files["packages"].encode()})
        return
    with tempfile.TemporaryDirectory(prefix="ecrlab-booking-") as name:
        for file, text in files.items():
            place = Path(name) / file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
        image = f"{lab.registry}/{NAME}:latest"
        log_in(lab)
        made(lab, f"docker build -q -t {image} '{name}' 2>&1 && docker push -q {image} 2>&1")


def _people(lab: Lab) -> tuple[str, str]:
    """Make the robot, the roles and the provider, give Omar what he has on call; return the robot's key and secret."""
    iam = lab.client("iam")
    iam.create_user(UserName=ROBOT)
    wide = document({"Action": ["ecr:*", "ecs:*", "iam:PassRole"], "Resource": "*"})
    iam.put_user_policy(UserName=ROBOT, PolicyName="robot", PolicyDocument=wide)
    key = iam.create_access_key(UserName=ROBOT)["AccessKey"]
    iam.create_open_id_connect_provider(Url=f"https://{HOST}", ClientIDList=["sts.amazonaws.com"])
    iam.create_role(
        RoleName=PIPELINE, AssumeRolePolicyDocument=trust(lab, {"StringEquals": {f"{HOST}:aud": "sts.amazonaws.com"}})
    )
    for name in (EXECUTION, TASK):
        let_ecs_in = document({"Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"})
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=let_ecs_in)
    for arn in (MANAGED, POWER_USER):
        iam.attach_role_policy(RoleName=EXECUTION, PolicyArn=arn)
    iam.put_user_policy(UserName=OMAR, PolicyName="on-call", PolicyDocument=on_call(lab))
    return key["AccessKeyId"], key["SecretAccessKey"]


def trust(lab: Lab, condition: Mapping[str, Any], **more: Any) -> str:
    """Return a trust policy for whoever brings a letter of the git server."""
    provider = f"arn:aws:iam::{lab.account}:oidc-provider/{HOST}"
    return document(
        {
            "Principal": {"Federated": provider},
            "Action": "sts:AssumeRoleWithWebIdentity",
            **({"Condition": condition} if condition else {}),
            **more,
        }
    )


def on_call(lab: Lab) -> str:
    """Return what Omar may do on call: change what one service runs, and look."""
    deployments = service_arn(lab).replace(":service/", ":service-deployment/") + "/*"
    return document(
        {"Action": ["ecs:UpdateService", "ecs:StopServiceDeployment"], "Resource": [service_arn(lab), deployments]},
        {"Action": ["ecs:Describe*", "ecs:List*", "ecs:RegisterTaskDefinition"], "Resource": "*"},
        {
            "Action": "iam:PassRole",
            "Resource": [role_arn(lab, EXECUTION), role_arn(lab, TASK)],
            "Condition": {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        },
    )


def settled(lab: Lab) -> bool:
    """Tell whether the service moves no more: its deployment is completed or has failed, and no task is on its way."""
    found = lab.client("ecs").describe_services(cluster=CLUSTER, services=[SERVICE])["services"]
    if not found or found[0]["status"] != "ACTIVE":
        return True
    newest = found[0]["deployments"][0]
    if newest["rolloutState"] == "FAILED":
        return not found[0]["pendingCount"]
    whole = len(found[0]["deployments"]) == 1 and found[0]["runningCount"] == found[0]["desiredCount"]
    return bool(whole and newest["rolloutState"] == "COMPLETED")


def settle(lab: Lab) -> None:
    """Wait until the service moves no more. Raises RuntimeError: not within 20 s."""
    wait_for(lambda: settled(lab), "the service comes to rest")


# The repository of the source


def repository_path(lab: Lab) -> str:
    """Return where the git server's bare repository is."""
    return str(lab.ci.repository(SOURCE, role=role_arn(lab, PIPELINE)))


def history(lab: Lab, pipeline: str) -> None:
    """Write main's history: fourteen commits with the key in each, without a run."""
    files = {**seed_files(), "pipeline.sh": pipeline}
    stream = io.StringIO()
    begin = int(time.time()) - COMMITS * 7 * 86400
    for number, subject in enumerate(SUBJECTS):
        stream.write("commit refs/heads/main\n")
        stream.write(f"committer Dara <dara@harbour-bikes.example> {begin + number * 7 * 86400} +0000\n")
        stream.write(f"data {len(subject.encode())}\n{subject}\n")
        changed = files if number == 0 else {"www/version.txt": f"{number + 1}\n"}
        for file, text in changed.items():
            mode = "100755" if file.endswith(".sh") else "100644"
            stream.write(f"M {mode} inline {file}\ndata {len(text.encode())}\n{text}\n")
    path = repository_path(lab)
    subprocess.run(
        ["git", "fast-import", "--quiet", "--force"],
        cwd=path,
        env=git_environment(Path(path)),
        input=stream.getvalue().encode(),
        check=True,
        capture_output=True,
        timeout=30,
    )
