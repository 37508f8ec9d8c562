"""Every sentence of the page that the web door serves; those about what happens in the room are in `client`.

They stand in `web/page/index.html` as `{{word}}`. A place in braces is filled by the page's script.
"""
# ruff: noqa: S105 - sentences about passwords are not passwords

from __future__ import annotations

from typing import Final

NOT_ENCRYPTED: Final = "This page is not encrypted: everybody on this network can read along."
NOT_LOADED: Final = "This page was not loaded whole: reload it. It needs JavaScript."
NO_COOKIES: Final = "This browser keeps no cookies, and the room knows it by one."

YOUR_NAME: Final = "Your name"
ROOM_PASSWORD: Final = "Room password"
NEXT: Final = "Next"
JOIN: Final = "Join"
ANOTHER_NAME: Final = "Another name"
WAITING: Final = "Waiting for the room…"

LINES: Final = "What is said in the room"
SAY_SOMETHING: Final = "Say something"
SEND: Final = "Send"
HERE: Final = "{n} here"
WHO_IS_HERE: Final = "Who is here"
CLOSE: Final = "Close"
BELL: Final = "Notify me"
LEAVE: Final = "Leave"
LEAVE_ASKED: Final = "Leave the room?"
LEAVE_EXPLAINED: Final = (
    "In this browser your name is enough to come back. Do others use it? Let it forget you; the name stays taken for "
    "90 days."
)
LEAVE_FOR_GOOD: Final = "Leave and forget me"
STAY: Final = "Stay"

WELCOME: Final = "/help lists the commands."
NEW: Final = "new"
TO_THE_END: Final = "To the last line"
NOT_STORED_YET: Final = "not stored yet"
NO_CONTACT_SINCE: Final = "no contact since {time}; what you write is kept"
MENTIONS_YOU: Final = "mentions you"
ADMIN_SAYS: Final = "the admin says"
PRIVATE: Final = "private"
YOU: Final = "you"
NOT_SENT: Final = "not sent: {why}"
LOST_ON_THE_WAY: Final = "it was lost on the way"
NOT_A_COMMAND: Final = "there is no command {word}; see /help, or say /{word}"
WHAT_TO_SAY: Final = "{word} needs a text"
HELP: Final = (
    "/me TEXT says what you do\n/msg NAME TEXT says it to one person only\n/who lists who is here\n"
    "/leave leaves the room\n//TEXT says /TEXT"
)
