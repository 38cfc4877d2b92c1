"""The booking service of Harbour Bikes as lab 04 finds it, and what its repository holds: names, files, history."""

from __future__ import annotations

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
NAME, OTHER, CLUSTER, SERVICE = "harbour/booking", "harbour/map", "harbour", "booking"
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


def start(lab: Lab) -> tuple[str, str]:
    """Empty the lab; make the people, the repositories and the cluster; return the robot's key and its secret."""
    lab.control.reset()
    lab.clock.reset()
    log_out(lab, "admin", "ops")
    lab.control.ci()  # the git server makes its key when it is first asked for it
    key = _people(lab)
    ecr = lab.client("ecr")
    for name in (NAME, OTHER):
        ecr.create_repository(repositoryName=name)
    ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=lifecycle(KEEP_THREE))
    lab.client("ecs").create_cluster(clusterName=CLUSTER)
    return key


KEEP_THREE: dict[str, Any] = {
    "rulePriority": 1,
    "description": "any image, keep three",
    "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 3},
    "action": {"type": "expire"},
}


def lifecycle(*rules: Mapping[str, Any]) -> str:
    """Return a lifecycle policy of these rules as JSON."""
    return json.dumps({"rules": rules})


def serve(lab: Lab, tag: str, pinned: bool) -> None:
    """Put the page's image into ECR under a tag, and let two tasks of the service run it, by digest or by tag."""
    digest = first_image(lab, tag)
    ecs, image = lab.client("ecs"), f"{lab.registry}/{NAME}" + (f"@{digest}" if pinned else f":{tag}")
    recipe = (SEED / "task.json").read_text(encoding="utf-8").replace("IMAGE", image)
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
    settle(lab)


def first_image(lab: Lab, tag: str) -> str:
    """Put the image that runs at first, and return its digest: built where there is an engine, because it has to run.

    Without one it is put together of the same files.
    """
    files = seed_files()
    if lab.engine == "none":
        page = {name: text.encode() for name, text in files.items() if name.startswith("www/")}
        lists = {"var/lib/dpkg/status": files["packages"].encode(), "etc/os-release": files["os-release"].encode()}
        return put_image(lab, NAME, tag, {**page, **lists})
    with tempfile.TemporaryDirectory(prefix="ecrlab-booking-") as name:
        for file, text in files.items():
            place = Path(name) / file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
        image = f"{lab.registry}/{NAME}:{tag}"
        log_in(lab)
        made(lab, f"docker build -q -t {image} '{name}' 2>&1 && docker push -q {image} 2>&1")
        log_out(lab, "admin")
    ids = [{"imageTag": tag}]
    found = lab.client("ecr").describe_images(repositoryName=NAME, imageIds=ids)["imageDetails"]
    return str(found[0]["imageDigest"])


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
        {"Action": "ecs:UpdateService", "Resource": service_arn(lab)},
        {"Action": "ecs:StopServiceDeployment", "Resource": deployments},
        {"Action": ["ecs:Describe*", "ecs:List*", "ecs:RegisterTaskDefinition"], "Resource": "*"},
        {
            "Action": "iam:PassRole",
            "Resource": [role_arn(lab, EXECUTION), role_arn(lab, TASK)],
            "Condition": {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        },
    )


def settled(lab: Lab) -> bool:
    """Tell whether the service moves no more: its deployment has failed and no task is on its way, or its newest event
    says that it is steady."""
    found = lab.client("ecs").describe_services(cluster=CLUSTER, services=[SERVICE])["services"]
    if not found or found[0]["status"] != "ACTIVE":
        return True
    newest = found[0]["deployments"][0]
    if newest["rolloutState"] == "FAILED":
        return not found[0]["pendingCount"]
    whole = len(found[0]["deployments"]) == 1 and found[0]["runningCount"] == found[0]["desiredCount"]
    steady = [event["message"].endswith("has reached a steady state.") for event in found[0]["events"][:1]]
    return bool(whole and newest["rolloutState"] == "COMPLETED" and all(steady))


def settle(lab: Lab) -> None:
    """Wait until the service moves no more. Raises RuntimeError: not within 20 s."""
    wait_for(lambda: settled(lab), "the service comes to rest")


# The repository of the source


def repository_path(lab: Lab) -> str:
    """Return where the git server's bare repository is."""
    return str(lab.ci.repository(SOURCE, role=role_arn(lab, PIPELINE)))


def history(lab: Lab, pipeline: str, last: Mapping[str, str]) -> str:
    """Write main's history, fourteen commits with this pipeline in each, and one with the files of `last` if there are
    any; return the newest commit. Nothing runs."""
    begin = (int(time.time()) // 86400 - COMMITS * 7) * 86400
    commits = [(subject, {"www/version.txt": f"{number}\n"}) for number, subject in enumerate(SUBJECTS, 1)]
    commits[0] = (SUBJECTS[0], {**seed_files(), "pipeline.sh": pipeline})
    if last:
        commits.append(("The pipeline", dict(last)))
    stream = "".join(
        f"commit refs/heads/main\ncommitter Dara <dara@harbour-bikes.example> {begin + number * 7 * 86400} +0000\n"
        f"data {len(subject)}\n{subject}\n"
        + "".join(
            f"M {'100755' if file.endswith('.sh') else '100644'} inline {file}\ndata {len(text.encode())}\n{text}\n"
            for file, text in files.items()
        )
        for number, (subject, files) in enumerate(commits)
    )
    git(lab, "fast-import", "--quiet", "--force", given=stream)
    return git(lab, "rev-parse", "refs/heads/main")


def commit(lab: Lab, **files: str) -> None:
    """Add a commit to main without a push, so nothing runs; files are named by keywords (`file_name`)."""
    stream = "commit refs/heads/main\ncommitter You <you@harbour-bikes.example> 1796000000 +0000\ndata 6\nChange\n"
    stream += "from refs/heads/main^0\n"
    for name, text in files.items():
        mode = "100755" if name.endswith("_sh") else "100644"
        stream += f"M {mode} inline {file_name(name)}\ndata {len(text.encode())}\n{text}\n"
    git(lab, "fast-import", "--quiet", given=stream)


def file_name(word: str) -> str:
    """Return the path that a keyword stands for: `www__index_html` is www/index.html."""
    return word.replace("__", "/").replace("_", ".")


def git(lab: Lab, *arguments: str, given: str = "") -> str:
    """Run git in the git server's repository, without anybody's settings, and return what it prints."""
    path = repository_path(lab)
    environ = git_environment(Path(path))
    done = subprocess.run(
        ["git", *arguments], cwd=path, env=environ, input=given, check=True, capture_output=True, text=True, timeout=30
    )
    return done.stdout.strip()
