"""What is drawn, with its text form: verdicts, the X-ray, decisions, the explorer."""
