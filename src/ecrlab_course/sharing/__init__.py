"""What a learner shares with an instructor's board, once they said yes: which fields, who sends them."""
