"""What stands at ports of this lab, by account and Region; what belongs to no account has a place of its own."""

from __future__ import annotations

from ecrlab.aws.ecr_public.registry import PLACE as PUBLIC
from ecrlab.home import ACCOUNT, REGION

Place = tuple[str, str]

MAIN = (ACCOUNT, REGION)
# The Docker-Hub-like registry, in the place of account and Region.
HUB = ("hub", "")
# What stands next to it as somebody else's mirror, once a lesson has said of what.
MIRROR = ("mirror", "")
# The hub once more for whoever comes from the office next door: a port of its own, opened when somebody asks for it,
# because not every system lets a program choose the address that it comes from. The address is one of those for
# documentation.
NEXT_DOOR, NEIGHBOUR = ("hub", "next-door"), "192.0.2.7"
# The git server's documents: by them STS and whoever wants to see it verify an identity token.
GIT_SERVER = ("git-server", "")
# What is not the registry of an account in one Region has a port too.
OTHERS = {
    HUB: "Docker-Hub-like registry",
    MIRROR: "mirror of the hub",
    NEXT_DOOR: "Docker-Hub-like registry, for the office next door,",
    PUBLIC: "registry of ECR Public",
    GIT_SERVER: "git server",
}
