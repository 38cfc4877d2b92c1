"""The API of AWS IAM."""
