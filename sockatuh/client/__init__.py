"""The client: the bridge between one peer and a screen or a script."""
