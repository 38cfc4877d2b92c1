"""The lab's process."""
