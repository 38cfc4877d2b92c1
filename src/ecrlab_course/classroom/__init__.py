"""A class: the instructor's board, and what starts a hub on which each learner has a lab and a network of their own."""
