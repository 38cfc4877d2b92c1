"""What a login, a pull and a push ask of IAM: one list each, for suggestions, the editor, drills and lessons.

Facts E070 (login and pull), E071 and A036 (push), E072 and A069 (what a plain ``docker push`` does without).
"""

from __future__ import annotations

LOGIN = "ecr:GetAuthorizationToken"
"""Asked on ``*`` alone: a login is for a registry, not for a repository."""

PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")

DOCKER_PUSH = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
)
"""What a plain ``docker push`` asks, in its order: it works with these five."""

PUSH = (*DOCKER_PUSH, "ecr:BatchGetImage")
"""What AWS documents for a push: the sixth is for builders that read the manifest first."""
