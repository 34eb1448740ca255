"""How things look, as pure functions: on a terminal, in words, in a pipe, as JSON."""
