"""What a notebook of the ECR Lab course uses."""
