"""The server's half of the secure dialect."""
