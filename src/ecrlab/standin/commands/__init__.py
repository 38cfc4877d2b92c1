"""The commands of the stand-in, a file per noun. Each keeps its own in `COMMANDS`; `cli.py` imports the file it needs."""
