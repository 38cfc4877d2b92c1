"""The policy editor: without a screen, and as a widget."""
