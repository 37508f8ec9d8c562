"""One chat room for everybody on a local network, on one UDP port."""

__version__ = "0.1.0"
