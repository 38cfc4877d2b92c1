"""The mock interview: what is asked, how it runs, its scorecard, two people at it; and "ready for what?"."""
