"""What stands before a registry of ECR: private repositories, and ECR Public."""
