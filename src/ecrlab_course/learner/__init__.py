"""One learner: the session, and the folder work/."""
