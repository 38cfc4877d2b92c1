"""The one error of the package."""

MALFORMED = "MalformedPolicyDocument"


class PolicyError(ValueError):
    """A policy document that IAM would refuse; `message` is IAM's text and `code` its error code."""

    def __init__(self, message: str, code: str = MALFORMED) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
