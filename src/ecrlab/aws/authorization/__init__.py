"""May this principal do this? The questions that requests ask, what IAM is asked with, and the answer explained."""
