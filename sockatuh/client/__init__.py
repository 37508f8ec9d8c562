"""The library: what a program needs to be in a room (docs/API.md)."""
