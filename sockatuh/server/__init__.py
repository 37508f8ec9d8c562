"""The server: the bridge between dialects, room and log, and the process that runs it."""
