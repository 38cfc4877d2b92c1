"""Reading exercise documents, and the words they are written in."""
