"""What outlives a client: files of the state directory."""
