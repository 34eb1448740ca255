"""The trio-chat server. `python -m trio_chat` starts it."""

__version__ = "0.1.0"
