"""The stand-in's commands, a file per noun. Each keeps its own in `COMMANDS`; `cli.py` imports the file it needs."""
