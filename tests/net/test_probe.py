from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sockatuh.net.probe import find_server_key
from sockatuh.protocol.constants import COOKIE, HELLO_SIZE, VERSION
from sockatuh.protocol.datagrams import COOKIE_STRUCT, HELLO_STRUCT

KEY = bytes(range(32))


@contextmanager
def answering(*, nonce: bytes | None = None) -> Iterator[int]:
    """Answer one HELLO at a port with a COOKIE, for its own nonce or another."""
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))

        def answer() -> None:
            data, address = sock.recvfrom(2048)
            assert len(data) == HELLO_SIZE
            asked = nonce or HELLO_STRUCT.unpack_from(data)[3]
            sock.sendto(b"junk", address)
            sock.sendto(COOKIE_STRUCT.pack(COOKIE, VERSION, 0, 0, asked, bytes(16), KEY, 0, 0), address)

        thread = threading.Thread(target=answer)
        thread.start()
        yield sock.getsockname()[1]
        thread.join()


def test_the_key_of_who_answers_is_found_at_a_host_or_at_a_port_that_is_open_everywhere() -> None:
    for host in ("127.0.0.1", "0.0.0.0", "::"):  # noqa: S104 - asked, not bound
        with answering() as port:
            assert find_server_key(host, port, 5.0) == KEY


def test_an_answer_with_another_nonce_is_ignored() -> None:
    with answering(nonce=b"somebody") as port:
        assert find_server_key("127.0.0.1", port, 0.05) is None


def test_where_nobody_answers_there_is_no_key() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        assert find_server_key("127.0.0.1", silent.getsockname()[1], 0.02) is None
    assert find_server_key("no such host", 7625, 0.02) is None
