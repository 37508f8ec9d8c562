"""The ways into the room: what the server asks of each, and what each reports."""
