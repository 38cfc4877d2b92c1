"""The notebook: the extension, and the cards of exercises, drills and the home page."""
