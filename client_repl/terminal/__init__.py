"""The client in front of a person: the prompt and its keys, what is drawn above it, what calls the user."""
