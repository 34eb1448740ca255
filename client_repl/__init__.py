"""The terminal client of trio-chat. Run it as `python -m client_repl`."""
