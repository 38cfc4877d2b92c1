"""The listener: which points an own answer makes, by wordings. It says "I heard", never "you did not say"."""
