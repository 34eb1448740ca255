"""What is known of the chat and what to do about it, without I/O or a clock: the parts of `chat.Chat`."""
