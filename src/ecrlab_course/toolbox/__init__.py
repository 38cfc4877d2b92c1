"""What a cell and a judge hold in their hands: the lab, a shell, the Docker-Hub-like registry."""
