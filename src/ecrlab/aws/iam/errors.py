"""What IAM refuses several operations with."""

from __future__ import annotations

from ecrlab.aws.wire.errors import ApiError


def no_such_entity(text: str) -> ApiError:
    """Return the refusal of what names nothing that is there."""
    return ApiError("NoSuchEntityException", text)


def already_exists(text: str) -> ApiError:
    """Return the refusal of a name that is taken."""
    return ApiError("EntityAlreadyExistsException", text)


def delete_conflict(text: str) -> ApiError:
    """Return the refusal to delete what still holds something, or is held."""
    return ApiError("DeleteConflictException", text)


def limit_exceeded(text: str) -> ApiError:
    """Return the refusal of one more, or of a text that is too long."""
    return ApiError("LimitExceededException", text)
