"""The secure dialect, pure: bytes and time in, datagrams and events out."""
