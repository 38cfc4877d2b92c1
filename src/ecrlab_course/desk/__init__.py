"""The incident desk: tickets whose symptom stays while the cause changes, and what says whether one is closed."""
