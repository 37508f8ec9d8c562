from __future__ import annotations

import shutil
import socket
import subprocess
import sys

import pytest

from sockatuh.net.interfaces import find_lan_address, lan_address_of

ASK = "import socket; from sockatuh.net.interfaces import *; print(lan_address_of(socket.socket(fileno={})))"


def test_a_socket_bound_to_one_address_is_found_there() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        assert lan_address_of(sock) == "127.0.0.1"


def test_a_socket_bound_everywhere_is_found_at_an_address_of_this_machine_or_by_its_name() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock, socket.socket(type=socket.SOCK_DGRAM) as other:
        sock.bind(("", 0))
        address = lan_address_of(sock)
        if address != socket.gethostname():
            other.bind((address, 0))
            assert not address.startswith("127.")


@pytest.mark.skipif(sys.platform != "linux", reason="only there are these questions known")
def test_a_process_without_a_network_asks_its_socket_where_the_machine_is() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("", 0))
        here = find_lan_address(sock)
        if here is None or shutil.which("unshare") is None:
            pytest.skip("this machine has no address of its own, or no unshare")
        alone = ["unshare", "--user", "--map-root-user", "--net", sys.executable, "-c", ASK.format(sock.fileno())]
        done = subprocess.run(alone, pass_fds=[sock.fileno()], capture_output=True, text=True, check=False)
        if done.returncode != 0 and "unshare" in done.stderr:
            pytest.skip(f"no namespaces for us: {done.stderr}")
        assert done.stdout.strip() == here, done.stderr
