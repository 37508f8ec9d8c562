"""The door for browsers on a booted Debian: a browser without a screen joins through it, and stays whatever happens."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from kit.web_client import Answer, Client
from prove.attack import require
from prove.box import ADDRESS, BRIDGE
from prove.lan import run_command

if TYPE_CHECKING:
    from prove.debian import Household

NAME: Final = "guestweb"
PORT: Final = 7680
PHONE: Final = "10.66.0.77"
"""Where the browser is: at an address of its own, so that it can be banned."""
SETTINGS: Final = "/etc/sockatuh/sockatuh.toml"
CERTIFICATE: Final = "/root/kitchen.pem"
DROP_IN: Final = "/etc/systemd/system/sockatuh-web.service.d"
MAKES_CERTIFICATE: Final = (
    "import sys, datetime; from sockatuh.web.certificate import make_certificate; "
    f'sys.stdout.buffer.write(make_certificate(["{ADDRESS}"], datetime.datetime.now(datetime.UTC)))'
)
SOON: Final = 60.0
LOOK_AGAIN: Final = 0.2


class Phone:
    """A browser at the door of a household; `said` counts its lines."""

    def __init__(self, home: Household) -> None:
        self.home, self.said = home, 0
        tls = ssl.create_default_context()
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE  # it warns, and its person has looked
        self.client = Client(ADDRESS, PORT, source=PHONE, tls=tls)

    async def ask(self, method: str, path: str, body: object = None) -> Answer:
        """Ask, again and again while the door is shut."""
        ends_at = time.monotonic() + SOON
        while True:
            try:
                answer = await self.client.ask(method, path, body)
            except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError) as error:
                what = repr(error)
            else:
                if answer.status not in (502, 503):
                    return answer
                what = repr(answer.body)
            require(time.monotonic() < ends_at, f"{method} {path}: {what}")
            await asyncio.sleep(LOOK_AGAIN)

    async def is_in(self) -> None:
        """Require that it is in the room without a password: it reads, and what it says is heard once."""
        me = (await self.ask("GET", "/me")).json
        require(me["joined"] and me["name"] == NAME, f"the browser is told {me}")
        text = f"{NAME} says {self.said}"
        await soon("the browser's stream does not open", self._reads)
        said = await self.ask("POST", "/say", {"page": "tab", "n": self.said + 1, "text": text})
        require(said.status in (200, 202), f"a line is answered with {said}")
        self.said += 1
        for person in self.home.people:
            await person.program.until(
                lambda program=person.program: heard(program.objects, text) == 1,  # type: ignore[misc]
                "does not hear the browser, or twice",
            )

    async def _reads(self) -> bool:
        try:
            async with self.client.stream() as stream:
                if stream.answer.status != 200:
                    return False
                await stream.until(type="hello", name=NAME)
                await stream.until(type="notice", code="caught_up")
        except (OSError, AssertionError, asyncio.IncompleteReadError, TimeoutError):
            return False
        return True


def heard(printed: list[dict[str, Any]], text: str) -> int:
    """Return how often a line of the browser's was printed."""
    return sum(each["type"] == "message" and each["from"] == NAME and each["text"] == text for each in printed)


async def soon(what: str, holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something holds."""
    ends_at = time.monotonic() + SOON
    while not await holds():
        require(time.monotonic() < ends_at, what)
        await asyncio.sleep(LOOK_AGAIN)


async def open_door(home: Household, password: str) -> Phone:
    """Install the door, and let a browser in that stays over restarts, a kill and a ban of its address."""
    await asyncio.to_thread(run_command, "ip", "addr", "add", f"{PHONE}/24", "dev", BRIDGE)
    said = await home.refuse("--web without what it needs", "sudo", "sockatuh", "install-service", "--web")
    require("pip install" in said, f"without what it needs it says {said}")
    await home.paste("sudo /opt/sockatuh/bin/pip install '.[web]'; sudo sockatuh install-service --web")
    phone = Phone(home)
    await _look_at_certificate(home)
    wrong = await phone.ask("POST", "/join", {"name": NAME, "password": "not this"})
    require((wrong.status, wrong.json["error"]) == (403, "password_wrong"), f"a wrong password: {wrong}")
    joined = await phone.ask("POST", "/join", {"name": NAME, "password": password})
    require(joined.status == 200, f"the browser does not come in: {joined}")
    await phone.is_in()
    for person in home.people:
        seen = [each["dialect"] for each in person.program.of("joined") if each["name"] == NAME]
        require(seen == ["web"], f"the browser is seen to come as {seen}")
    await _be_seen(home)
    for restart in ("restart sockatuh-web", "restart sockatuh", "kill --signal=KILL sockatuh-web"):
        await home.paste(f"systemctl {restart}")
        await phone.is_in()
    await home.be_heard()
    await _take_certificate(home, phone)
    await _ban(home, phone)
    return phone


async def _look_at_certificate(home: Household) -> None:
    """Compare the certificate that is shown with the one whose SHA-256 the journal has."""
    printed = ""

    async def is_printed() -> bool:
        nonlocal printed
        printed = await home.paste("journalctl --unit=sockatuh-web --output=cat")
        return f"https://{ADDRESS}:{PORT}/" in printed

    await soon("the address of the page is not in the journal", is_printed)
    shown = await asyncio.to_thread(ssl.get_server_certificate, (ADDRESS, PORT))
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(shown)).hexdigest().upper()
    found = re.findall(r"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}", printed)
    require(
        bool(found) and found[-1].replace(":", "") == digest, f"the certificate is {digest}, the journal has {found}"
    )
    require("do not reach browsers" not in printed, f"bans of addresses are not known to the door: {printed}")


async def _take_certificate(home: Household, phone: Phone) -> None:
    """Give the unit a certificate that only root may read, as docs/WEB.md says, and take it away again."""
    await home.paste(f"/opt/sockatuh/bin/python -c '{MAKES_CERTIFICATE}' >{CERTIFICATE}; chmod 600 {CERTIFICATE}")
    await home.paste(f"cp -p {SETTINGS} /root/settings; printf '[web]\\nencryption = \"certificate\"\\n' >>{SETTINGS}")
    await home.paste(f"""echo 'certificate = "{CERTIFICATE}"' >>{SETTINGS}""")
    said = await home.refuse("a certificate of root's", "sudo", "sockatuh", "check")
    require("LoadCredential=" in said, f"check says of a certificate of root's {said}")
    await home.paste(
        f"sed -i 's|{CERTIFICATE}|/run/credentials/sockatuh-web.service/web.pem|' {SETTINGS}; mkdir {DROP_IN}; "
        f"printf '[Service]\\nLoadCredential=web.pem:{CERTIFICATE}\\n' >{DROP_IN}/override.conf; "
        "systemctl daemon-reload; systemctl restart sockatuh-web"
    )
    await phone.is_in()
    shown = await asyncio.to_thread(ssl.get_server_certificate, (ADDRESS, PORT))
    given = await home.paste(f"cat {CERTIFICATE}")
    require("".join(shown.split()) in "".join(given.split()), "the certificate is another than the one that was given")
    require("In order" in await home.paste("sudo sockatuh check"), "check does not like a credential")
    await home.paste(
        f"rm -r {DROP_IN}; cp -p /root/settings {SETTINGS}; systemctl daemon-reload; systemctl restart sockatuh-web"
    )
    await phone.is_in()


async def _be_seen(home: Household) -> None:
    """Find the browser in `sessions`, and both of its addresses in the door's log."""
    shown = await home.paste(f"sudo sockatuh sessions {NAME}")
    found = re.search(r"(127\.\d+\.\d+\.\d+):\d+ +web ", shown)
    require(found is not None, f"sessions shows {shown}")
    assert found is not None
    told = [json.loads(line) for line in (await home.paste("sudo sockatuh status --json")).splitlines()]
    (page,) = [each for each in told if each["type"] == "web"]
    require(page["urls"] == [f"https://{ADDRESS}:{PORT}/"], f"status says the page is at {page}")
    require(f"browsers   https://{ADDRESS}:{PORT}/" in await home.paste("sudo sockatuh status"), "status has no page")
    require("In order" in await home.paste("sudo sockatuh check"), "check finds something wrong with the door")
    log = await home.paste("journalctl --unit=sockatuh-web --output=cat")
    require(
        any(NAME in row and PHONE in row and found[1] in row for row in log.splitlines()),
        f"{PHONE} and {found[1]} are not both in the door's log: {log[-600:]}",
    )


async def _ban(home: Household, phone: Phone) -> None:
    """Ban the browser's own address, which the room has never seen, and lift it."""
    async with phone.client.stream() as stream:
        await stream.until(type="hello", name=NAME)
        await home.paste(f"sudo sockatuh ban {PHONE} --reason 'sold things'")
        ended = await stream.until(type="ended", error="banned")
        require("sold things" in ended["sentence"], f"the browser is told {ended}")
    refused = await phone.ask("POST", "/say", {"page": "tab", "n": phone.said + 1, "text": "let me in"})
    require((refused.status, refused.json["error"]) == (403, "banned"), f"who is banned: {refused}")
    await home.paste("systemctl restart sockatuh")
    await home.be_heard()
    require((await phone.ask("GET", "/me")).json["joined"] is False, "the ban is over after a restart")
    await home.paste(f"sudo sockatuh unban {PHONE}")

    async def is_lifted() -> bool:
        return bool((await phone.ask("GET", "/me")).json["joined"])

    await soon("the ban is not lifted", is_lifted)
    await phone.is_in()
