"""CloudTrail: which requests it keeps, what it shows of them, and its API."""
