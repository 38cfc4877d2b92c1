"""Speaking to a running lab, and its answers in words. Standard library only."""

from .client import LOOKING, LabClient, LabError, LabNotRunning, quota_text

__all__ = ["LOOKING", "LabClient", "LabError", "LabNotRunning", "quota_text"]
