"""The commands that are typed in a chat, by subject; `table` lists them, and `cli/slash.py` runs them."""
