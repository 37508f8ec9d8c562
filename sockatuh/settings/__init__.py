"""What the admin may set, where it is read from, and what is wrong with it."""
