"""Terraform's AWS provider against the lab: what was put is what is read, so a second plan has nothing to do.

Needs terraform and, because tests download nothing, a folder with the provider: one of terraform's own for plugins, or
the one that ECRLAB_TERRAFORM_PLUGINS names (in the layout of a filesystem mirror).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ecrlab.home import ACCOUNT

PLACES = ("~/.terraform.d/plugins", "/usr/local/share/terraform/plugins", "/usr/share/terraform/plugins")


@pytest.fixture
def terraform(running_lab: Any, tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    """Return a function that runs terraform in a folder of its own as the administrator of the lab.

    The parameter is the file of tests/clients/terraform that the folder holds.
    """
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not installed")
    candidates = [os.environ.get("ECRLAB_TERRAFORM_PLUGINS", ""), *PLACES]
    folders = [Path(each).expanduser() for each in candidates if each]
    mirror = next((each for each in folders if (each / "registry.terraform.io/hashicorp/aws").is_dir()), None)
    if mirror is None:
        pytest.skip("no folder with terraform's AWS provider; ECRLAB_TERRAFORM_PLUGINS may name one")
    running_lab.control.reset()
    shutil.copy(Path(__file__).parent / "terraform" / request.param, tmp_path)
    settings = tmp_path / "settings.tfrc"
    settings.write_text(f'provider_installation {{\n  filesystem_mirror {{ path = "{mirror}" }}\n}}\n')
    variables = {
        **running_lab.environ("admin"),
        "TF_CLI_CONFIG_FILE": str(settings),
        "TF_VAR_endpoint": f"http://127.0.0.1:{running_lab.port}",
        "CHECKPOINT_DISABLE": "1",
        "TF_IN_AUTOMATION": "1",
    }

    def run(*arguments: str) -> str:
        done = subprocess.run(
            ["terraform", *arguments], cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("init", "-no-color", "-input=false")
    return run


APPLY = ("apply", "-no-color", "-input=false", "-auto-approve")
# -detailed-exitcode: 0 means that there is nothing to do, 2 that something differs. Each run starts the provider again,
# which takes it some ten seconds of processor time.
PLAN = ("plan", "-no-color", "-input=false", "-detailed-exitcode")
DESTROY = ("destroy", "-no-color", "-input=false", "-auto-approve")
CHANGED = ("-var", "second=true", "-var", "team=red")


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("terraform", ["iam.tf"], indirect=True)
def test_nothing_drifts(terraform: Any, running_lab: Any) -> None:
    lab = running_lab
    begin = lab.control.xray()["last"]
    assert "ann_may_push = true" in terraform(*APPLY)
    terraform(*PLAN)
    role = lab.client("iam").get_role(RoleName="deploy")["Role"]
    assert (role["Arn"], role["MaxSessionDuration"]) == ("arn:aws:iam::123456789012:role/ci/deploy", 7200)
    assert {tag["Key"]: tag["Value"] for tag in role["Tags"]} == {"managed": "terraform", "team": "blue"}
    terraform(*APPLY, *CHANGED)
    terraform(*PLAN, *CHANGED)
    assert lab.client("iam").get_user(UserName="robert")["User"]["Path"] == "/r/"
    terraform(*DESTROY, *CHANGED)
    assert lab.client("iam").list_roles()["Roles"] == []
    rows = lab.control.xray(begin, limit=2000)["rows"]
    assert len(rows) > 200
    assert {row["client"] for row in rows} >= {"terraform"}
    assert {row["error"] for row in rows} <= {None, "NoSuchEntity"}


# What is imported again, by the id that the provider's documentation gives.
IMPORTED = {
    "aws_ecr_repository.app": "team/app",
    "aws_ecr_repository.encrypted": "renamed",
    "aws_ecr_repository_policy.app": "team/app",
    "aws_ecr_lifecycle_policy.app": "team/app",
    "aws_ecr_registry_policy.here": ACCOUNT,
    "aws_ecr_registry_scanning_configuration.here": ACCOUNT,
    "aws_ecr_replication_configuration.here": ACCOUNT,
    "aws_ecr_repository_creation_template.team": "made",
    "aws_ecr_pull_through_cache_rule.public": "ecr-public",
    "aws_ecr_pull_through_cache_rule.hub": "docker-hub",
    "aws_ecr_account_setting.scans": "BASIC_SCAN_TYPE_VERSION",
    "aws_ecrpublic_repository.app": "app",
    "aws_ecrpublic_repository_policy.app": "app",
}


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("terraform", ["ecr.tf"], indirect=True)
def test_ecr_does_not_drift(terraform: Any, running_lab: Any, tmp_path: Path) -> None:
    lab = running_lab
    begin = lab.control.xray()["last"]
    said = terraform(*APPLY)
    assert f'url = "localhost:{lab.port}/{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/team/app"' in said
    assert 'user = "AWS"' in said
    terraform(*PLAN)
    ecr, public = lab.client("ecr"), lab.client("ecr-public")
    assert len(ecr.describe_registry()["replicationConfiguration"]["rules"]) == 1
    digest = lab.push("team/app", "1")
    said = terraform(*APPLY, *CHANGED)
    assert f'digest = "{digest}"' in said
    terraform(*PLAN, *CHANGED)
    found = {repository["repositoryName"]: repository for repository in ecr.describe_repositories()["repositories"]}
    assert set(found) == {"team/app", "renamed"}
    assert found["team/app"]["imageTagMutability"] == "IMMUTABLE"
    assert public.get_repository_catalog_data(repositoryName="app")["catalogData"]["description"] == "another"
    terraform("state", "rm", *IMPORTED)
    blocks = [f'import {{\n  to = {place}\n  id = "{name}"\n}}' for place, name in IMPORTED.items()]
    (tmp_path / "imports.tf").write_text("\n".join(blocks) + "\n")
    assert f"{len(IMPORTED)} imported, 0 added" in terraform(*APPLY, *CHANGED)
    terraform(*PLAN, *CHANGED)
    terraform(*DESTROY, *CHANGED)
    assert ecr.describe_repositories()["repositories"] == []
    assert public.describe_repositories()["repositories"] == []
    assert ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"] == []
    assert ecr.describe_repository_creation_templates()["repositoryCreationTemplates"] == []
    assert ecr.describe_registry()["replicationConfiguration"]["rules"] == []
    rows = lab.control.xray(begin, limit=4000)["rows"]
    # The provider asks whether what it deleted is gone.
    assert {row["error"] for row in rows if row["error"] and not row["error"].endswith("NotFoundException")} == set()
