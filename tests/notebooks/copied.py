"""The lessons that others copy: a whole run does with them what it leaves to `--lesson` and soak for the others."""

COPIED = ("00", "04", "06", "lab-01")
