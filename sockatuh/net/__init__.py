"""Sockets: the driver that runs any core, the classic dialect, the service manager."""
