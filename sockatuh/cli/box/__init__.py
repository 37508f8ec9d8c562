"""The commands with which an admin sees and acts on a running room, without joining it."""
