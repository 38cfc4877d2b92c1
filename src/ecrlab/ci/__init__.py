"""The git server of the course's company: it signs identity tokens, and runs the pipeline of what is pushed to it."""

from ecrlab.ci.errors import CiError
from ecrlab.ci.issuer import Issuer
from ecrlab.ci.subject import subject

__all__ = ["CiError", "Issuer", "subject"]
