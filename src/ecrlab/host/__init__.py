"""What runs the lab on this computer: its processes, the way to it for a container engine, and the doctor."""
