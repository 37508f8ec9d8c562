"""Every sentence of the page that the web door serves; those about what happens in the room are in `client`.

They stand in `web/page/index.html` as `{{word}}`. A place in braces is filled by the page's script.
"""
# ruff: noqa: S105 - sentences about passwords are not passwords

from __future__ import annotations

from typing import Final

NOT_ENCRYPTED: Final = "This page is not encrypted: everybody on this network can read along."
NO_SCRIPT: Final = "This page needs JavaScript."
NO_COOKIES: Final = "This browser does not keep the cookie by which the room knows it. Allow cookies for this page."

YOUR_NAME: Final = "Your name"
ROOM_PASSWORD: Final = "Room password"
NEXT: Final = "Next"
JOIN: Final = "Join"
ANOTHER_NAME: Final = "Another name"

LINES: Final = "What is said in the room"
ON_THE_WAY: Final = "On the way"
SAY_SOMETHING: Final = "Say something"
SEND: Final = "Send"
HERE: Final = "{n} here"
WHO_IS_HERE: Final = "Who is here"
WRITE_PRIVATELY: Final = "write a private line"
CLOSE: Final = "Close"
BELL: Final = "Notify me"
BELL_EXPLAINED: Final = "Notify me of mentions and private lines"
LEAVE: Final = "Leave"
LEAVE_ASKED: Final = "Leave the room?"
LEAVE_EXPLAINED: Final = (
    "This browser is forgotten. To close the page is no leaving: whoever comes back within 90 days is in again "
    "without a password."
)
STAY: Final = "Stay"

NEW: Final = "new"
NEW_BELOW: Final = "{n} new below"
TO_THE_END: Final = "To the last line"
NOT_STORED_YET: Final = "not stored yet"
NO_CONTACT_SINCE: Final = "no contact since {time}; what you write is kept"
MENTIONS_YOU: Final = "mentions you"
ADMIN_SAYS: Final = "the admin says"
PRIVATE: Final = "private"
YOU: Final = "you"
NOT_SENT: Final = "not sent: {why}"
NOT_A_COMMAND: Final = "there is no command {word}; /help lists them, and /{word} says it as text"
WHAT_TO_SAY: Final = "{word} needs a text"
HELP: Final = (
    "/me TEXT says what you do\n/msg NAME TEXT says it to one person only\n/who lists who is here\n"
    "/leave leaves the room\n//TEXT says /TEXT"
)
