"""The question bank: how a question is read from its document, its text, its card for Anki."""
