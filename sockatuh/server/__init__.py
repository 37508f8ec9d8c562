"""The server: the room server between dialects, room and log, and the process that runs it."""
