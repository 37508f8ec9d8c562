"""The client's half of the secure dialect."""
