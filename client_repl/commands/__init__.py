"""What a user can order with a `/`: one table, its handlers, and what help and completion read out of it."""
