"""Drills: how one is declared, their account, the schedule, the terminal, the deck."""
