"""What is kept on disk: the room's log, its history, keys and the client's files."""
