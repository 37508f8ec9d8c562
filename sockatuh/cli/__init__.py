"""The command line: thin commands, the screens, and every sentence said to people."""
