"""The environment variables under which every command of the lab runs."""

from __future__ import annotations

import configparser
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from ecrlab.home import ACCOUNT, NOBODY, PROFILES, REGION, Home, read_json

_OF_SOMEBODY = ("AWS_PROFILE", "HUB_PASSWORD_FILE")
LOCAL_NAMES = ("localhost", "127.0.0.1")
REGISTRIES = {"eu-west-1": "REGISTRY_EU"}
"""Regions whose registry of the learner's account has a variable of its own, as $REGISTRY is that of the first."""


def environment(
    home: Home, profile: str = "admin", base: Mapping[str, str] = os.environ, region: str = REGION
) -> dict[str, str | None]:
    """Return the variables to set (text) and to unset (None) so that aws, boto3 and docker reach this lab only.

    ``profile`` is one of `ecrlab.home.PROFILES`, or `ecrlab.home.NOBODY`: a stranger, who has no AWS keys and no
    password of the hub, and whose docker begins without a login (`toolbox.lab.Lab.sh` sees to that). ``base`` is the
    environment that the result will be applied to: it decides which foreign variables must go and what PATH and
    NO_PROXY are added to. Applying the result twice is the same as applying it once. ``region`` is the one that aws
    speaks to and that $REGISTRY is in.

    Raises ValueError for an unknown profile, or a Region whose registry was never opened.

    Why so strict: a foreign ``AWS_*`` variable (a session token, an endpoint of one service, a role) would beat the
    lab's files, and the command would reach the real AWS.
    """
    if profile not in (*PROFILES, NOBODY):
        raise ValueError(f"There is no profile {profile!r}. The lab's profiles are: {', '.join(PROFILES)}.")
    port, ports = home.port, home.regional_ports
    if region != REGION and region not in ports:
        raise ValueError(f"The registry in {region!r} was never opened, so it has no port yet.")
    registries = {REGION: registry_address(REGION, port)}
    registries |= {name: registry_address(name, each) for name, each in ports.items() if name != REGION}
    ours: dict[str, str | None] = {
        "AWS_CONFIG_FILE": str(home.aws_config),
        "AWS_SHARED_CREDENTIALS_FILE": str(home.aws_credentials),
        "AWS_PROFILE": profile,
        "AWS_ENDPOINT_URL": f"http://localhost:{port}",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_PAGER": "",
        "AWS_EC2_METADATA_DISABLED": "true",
        "DOCKER_CONFIG": str(home.docker_config(profile)),
        # One push, one manifest, with every engine. By itself `docker build` adds an attestation where the engine has
        # the containerd store, and nowhere else (fact A070): one push would leave one image in ECR for some learners
        # and an index with two untagged manifests for others, before they have met either word.
        "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
        "REGISTRY": registries[region],
        # Where HTTP finds what docker's names mean: behind the host comes /v2/.
        "REGISTRY_API": "http://" + registries[region].replace("/", "/v2/", 1),
        "ECRLAB_HOME": str(home.path),
    }
    ours |= {variable: registries[name] for name, variable in REGISTRIES.items() if name in registries}
    if home.hub_port is not None:
        ours["HUB"] = f"localhost:{home.hub_port}"
        ours["HUB_API"] = f"http://localhost:{home.hub_port}/v2"
        ours["HUB_PASSWORD_FILE"] = str(home.hub_password)
    if home.mirror_port is not None:
        ours["MIRROR"] = f"localhost:{home.mirror_port}"
    if home.public_port is not None:
        ours["PUBLIC_REGISTRY"] = f"localhost:{home.public_port}/public.ecr.aws"
    if home.git_server_port is not None:
        ours["GIT_SERVER_API"] = f"http://localhost:{home.git_server_port}"
    if profile == NOBODY:
        ours.update(dict.fromkeys(_OF_SOMEBODY), AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull)
    result: dict[str, str | None] = {name: None for name in foreign_aws_variables(base) if name not in ours}
    result.update(ours)
    result.update(_proxy(base))
    result.update(_engine(home))
    result["PATH"] = _path(home, base)
    return result


def registry_address(region: str, port: int) -> str:
    """Return the address of the learner's registry in a Region, as docker wants it."""
    return f"localhost:{port}/{ACCOUNT}.dkr.ecr.{region}.amazonaws.com"


def apply(changes: Mapping[str, str | None], base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return a copy of ``base`` with ``changes`` (a result of `environment`) carried out: the form subprocess takes."""
    merged = dict(base)
    for name, value in changes.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = value
    return merged


def credentials(home: Home, profile: str = "admin") -> dict[str, str]:
    """Return the variables with which a program that has none of the lab's files is this profile: keys and addresses.

    ``profile`` is any of the lab's credentials file. Raises ValueError when it has no keys of its own there.
    """
    written = configparser.ConfigParser(interpolation=None)
    written.read(home.aws_credentials, encoding="utf-8")
    if not written.has_option(profile, "aws_secret_access_key"):
        there = ", ".join(name for name in written.sections() if name != "default") or "none"
        raise ValueError(f"There are no keys of a profile {profile!r} in {home.aws_credentials}. There is: {there}.")
    keys = written[profile]
    addresses = environment(home, base={})
    names = ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "REGISTRY", "HUB", "PUBLIC_REGISTRY")
    return {
        "AWS_ACCESS_KEY_ID": keys["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": keys["aws_secret_access_key"],
        **{name: value for name in names if (value := addresses.get(name)) is not None},
    }


def foreign_aws_variables(base: Mapping[str, str] = os.environ) -> list[str]:
    """Return the names of all ``AWS_*`` variables in ``base``, sorted."""
    return sorted(name for name in base if name.upper().startswith("AWS_"))


def _proxy(base: Mapping[str, str]) -> dict[str, str | None]:
    """With a proxy set and localhost not excepted, aws and curl to localhost fail (N9)."""
    known = [name.strip() for key in ("NO_PROXY", "no_proxy") for name in base.get(key, "").split(",") if name.strip()]
    names = ",".join(dict.fromkeys([*known, *LOCAL_NAMES]))
    return {"NO_PROXY": names, "no_proxy": names}


def _engine(home: Home) -> dict[str, str | None]:
    """The lab's own DOCKER_CONFIG hides the docker contexts of the user, so the engine is always named outright."""
    state = read_json(home.run / "engine.json")
    if "kind" not in state:
        return {}
    changes: dict[str, str | None] = {"DOCKER_CONTEXT": None, "DOCKER_TLS_VERIFY": None, "DOCKER_CERT_PATH": None}
    changes["DOCKER_HOST"] = state.get("host")
    if state.get("name") == "Podman":
        # docker's buildx would boot a builder from an image of Docker Hub; without it Podman builds itself (fact A073).
        changes["DOCKER_BUILDKIT"] = "0"
    if state.get("certificates"):
        changes["DOCKER_CERT_PATH"] = str(state["certificates"])
        changes["DOCKER_TLS_VERIFY"] = "1"
    return changes


def _path(home: Home, base: Mapping[str, str]) -> str:
    front = [Path(sys.prefix) / ("Scripts" if os.name == "nt" else "bin")]
    standin = home.run / "standin" / "bin"
    if read_json(home.run / "engine.json").get("kind") == "none":
        front.insert(0, standin)
    drop = {str(folder) for folder in front} | {str(standin)}
    rest = [part for part in base.get("PATH", os.defpath).split(os.pathsep) if part and part not in drop]
    return os.pathsep.join([*map(str, front), *rest])


def version_of(text: str) -> tuple[int, ...]:
    """Return the first dotted number in ``text`` as integers: ``aws-cli/2.13.1 Python/3`` gives (2, 13, 1)."""
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(part) for part in found.groups() if part is not None) if found else ()


def obeys_endpoint(aws_version: str) -> bool:
    """Tell whether an aws command line of this version obeys ``AWS_ENDPOINT_URL``.

    ``aws_version`` is what ``aws --version`` prints. Versions before 1.29.0 and 2.13.0 ignore the variable and call
    the real AWS (N10). An unreadable version counts as one that does not obey.
    """
    version = version_of(aws_version)
    return version >= ((1, 29) if version[:1] == (1,) else (2, 13))
