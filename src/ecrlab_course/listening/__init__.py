"""The listener: which key points an own answer makes, by wordings. It may say "I heard", and never "you did not say"."""
