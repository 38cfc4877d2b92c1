"""The end points of the hub's HTTP API, a file for each noun."""
