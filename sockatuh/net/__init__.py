"""Sockets and addresses, the driver that runs any core on a socket, and the service manager."""
