"""Terraform's AWS provider against the lab's IAM: what was put is what is read, so a second plan has nothing to do.

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

PLACES = ("~/.terraform.d/plugins", "/usr/local/share/terraform/plugins", "/usr/share/terraform/plugins")


@pytest.fixture
def terraform(make_lab: Any, running_lab: Any, tmp_path: Path) -> Any:
    """Return a function that runs terraform in a folder of its own as the administrator of the lab."""
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not installed")
    candidates = [os.environ.get("ECRLAB_TERRAFORM_PLUGINS", ""), *PLACES]
    folders = [Path(each).expanduser() for each in candidates if each]
    mirror = next((each for each in folders if (each / "registry.terraform.io/hashicorp/aws").is_dir()), None)
    if mirror is None:
        pytest.skip("no folder with terraform's AWS provider; ECRLAB_TERRAFORM_PLUGINS may name one")
    running_lab.control.reset()
    shutil.copy(Path(__file__).parent / "terraform" / "main.tf", tmp_path)
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
            ["terraform", *arguments], cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("init", "-no-color", "-input=false")
    return run


@pytest.mark.timeout(400)
def test_nothing_drifts(terraform: Any, running_lab: Any) -> None:
    lab = running_lab
    begin = lab.control.xray()["last"]
    apply = ("apply", "-no-color", "-input=false", "-auto-approve")
    # -detailed-exitcode: 0 means that there is nothing to do, 2 that something differs. Each run starts the provider
    # anew, which takes it some ten seconds of processor time.
    plan = ("plan", "-no-color", "-input=false", "-detailed-exitcode")
    assert "ann_may_push = true" in terraform(*apply)
    terraform(*plan)
    role = lab.client("iam").get_role(RoleName="deploy")["Role"]
    assert (role["Arn"], role["MaxSessionDuration"]) == ("arn:aws:iam::123456789012:role/ci/deploy", 7200)
    assert {tag["Key"]: tag["Value"] for tag in role["Tags"]} == {"managed": "terraform", "team": "blue"}
    changed = ("-var", "second=true", "-var", "team=red")
    terraform(*apply, *changed)
    terraform(*plan, *changed)
    assert lab.client("iam").get_user(UserName="robert")["User"]["Path"] == "/r/"
    terraform("destroy", "-no-color", "-input=false", "-auto-approve", *changed)
    assert lab.client("iam").list_roles()["Roles"] == []
    rows = lab.control.xray(begin, limit=2000)["rows"]
    assert len(rows) > 200
    assert {row["client"] for row in rows} >= {"terraform"}
    assert {row["error"] for row in rows} <= {None, "NoSuchEntity"}
