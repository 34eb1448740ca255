"""How a client gets to its server and is sure of it, and who it is there."""
