"""The room, pure: names, texts, who is here, and what is to be written in the log."""
