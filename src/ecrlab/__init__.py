"""The local cloud of ECR Lab: an Amazon ECR, IAM and STS that run on one machine."""

__version__ = "0.1.0"
