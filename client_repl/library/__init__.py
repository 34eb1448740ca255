"""The client as a library, for programs."""
