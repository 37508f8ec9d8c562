"""Which names are legal, and a legal name for somebody who asked for another.

A name is one word: RFC 8265's UsernameCasePreserved without the characters that delimit names in our own sentences.
`ana, budi joined` is two people because no name holds a comma or a space, `* ana waves` is an action because no name
begins with an asterisk, and `ana: hi` is a line of the classic dialect because no name holds a colon. So words need no
protection: somebody may be called "joined", "and" or "server", and whoever reads `· joined joined` sees a name and a
verb. Numbers are names, too. The room's own voice is known by the mark before it, which no name can begin with.

The checks are in the order of their cost, because anybody may ask: bytes, the bytes of the normalised form, the
characters one by one, and only then the profile.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, Literal

import msgspec
import precis_i18n
import wcwidth

from .namekeys import NameKeys, fold
from .text import BLANKS, clean_line
from .word import PUNCTUATION, is_of_a_word, may_begin, one_word

MAX_NAME_GRAPHEMES: Final = 32
MAX_NAME_BYTES: Final = 128
"""What bcrypt looks at, and more than which it refuses."""

NameFault = Literal["empty", "too_long", "forbidden", "beginning", "direction", "mixed"]

_BLANK: Final = frozenset(BLANKS)
_WORD: Final = re.compile(r"[^\W_]+")
_LATIN: Final = re.compile(r"[a-z]")
_DELIMITERS: Final = frozenset(':;,()"')
"""What ends a name in our sentences; no letter of a name may look like it."""
_MARKS: Final = "·*»#"
"""What stands before a name on a row that is no message; a name's first letter may not look like it."""
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})
_LONGEST_EXPANSION: Final = 4
"""Characters one character may become in a suggestion: U+FDFA is eighteen, Ⅷ four."""


class NameInvalid(msgspec.Struct, frozen=True):
    """Why a text cannot be a name: a code, a sentence for people, and a name that would do ("": none was found)."""

    fault: NameFault
    sentence: str
    suggestion: str = ""


_SENTENCES: Final[dict[NameFault, str]] = {
    "empty": "a name has at least one character",
    "too_long": f"a name has at most {MAX_NAME_GRAPHEMES} characters and {MAX_NAME_BYTES} bytes",
    "forbidden": "a name is one word of letters, digits and _ - . '",
    "beginning": "a name begins with a letter or a digit",
    "direction": "a name is written in one direction: right-to-left letters do not go with others, "
    "and do not follow a digit or stand before a final _ - . '",
    "mixed": "the name mixes Latin letters with others that only look like them",
}


class NameRules:
    """Judges and compares names. Building it reads the table of look-alikes, so build one and share it."""

    def __init__(self) -> None:
        self._keys = NameKeys()
        self._marks = frozenset(map(self._keys.look_of, _MARKS))
        self._profile = precis_i18n.get_profile("UsernameCasePreserved")

    def enforce(self, name: str) -> str | NameInvalid:
        """Return the form in which the name is written, or why it is not a name (docs/PROTOCOL.md §10)."""
        judged = self._judge(name)
        if not isinstance(judged, str):
            return NameInvalid(judged[0], _SENTENCES[judged[0]], self._suggest(name))
        return judged

    def key(self, name: str) -> str:
        """Return the name key of any text, legal or not; names that count as the same have the same key."""
        return self._keys.key(name)

    def _judge(self, name: str) -> str | tuple[NameFault]:
        # 1. bytes  2. the normalised form's bytes  3. characters  4. the profile, which may take long
        if len(name) > MAX_NAME_BYTES or len(name.encode("utf-8", "replace")) > MAX_NAME_BYTES:
            return ("too_long",)
        normal = unicodedata.normalize("NFC", one_word(name))
        if not normal:
            return ("empty",)
        if len(normal.encode("utf-8", "replace")) > MAX_NAME_BYTES:
            return ("too_long",)
        if not all(map(is_of_a_word, normal)):
            return ("forbidden",)
        if not may_begin(normal[0]) or self._keys.look_of(normal[0]) in self._marks:
            return ("beginning",)
        try:
            shown: str = self._profile.enforce(normal)
        except UnicodeEncodeError as error:
            return ("direction",) if "bidi" in error.reason else ("forbidden",)
        fault = self._find_fault(shown)
        return (fault,) if fault else shown

    def _find_fault(self, shown: str) -> NameFault | None:
        if len(shown.encode()) > MAX_NAME_BYTES or _has_too_many_graphemes(shown):
            return "too_long"
        if clean_line(shown) != shown or not _BLANK.isdisjoint(shown):
            return "forbidden"
        if not all(is_of_a_word(char) and not self._looks_like_a_delimiter(char) for char in shown):
            return "forbidden"
        return "mixed" if any(self._is_disguised(word) for word in _WORD.findall(shown.casefold())) else None

    def _looks_like_a_delimiter(self, char: str) -> bool:
        # The visarga of Indic words looks like a colon, but belongs to the letter before it; so do all marks.
        is_mark = unicodedata.category(char)[0] == "M"
        return not is_mark and not _DELIMITERS.isdisjoint(self._keys.look_of(char))

    def _is_disguised(self, word: str) -> bool:
        return bool(_LATIN.search(word)) and not self._keys.disguises.isdisjoint(word)

    def _suggest(self, name: str) -> str:
        """Return a legal name close to the text, "" if there is none."""
        if name.isascii():
            name = name[:MAX_NAME_BYTES]
        elif len(name) > MAX_NAME_BYTES or len(name.encode("utf-8", "replace")) > MAX_NAME_BYTES:
            return ""  # a text that is too long by its bytes costs nothing more
        spelt = filter(self._is_harmless, map(_spell_out, one_word(name.strip())))
        word = unicodedata.normalize("NFC", "".join(spelt))
        for candidate in (word, _of_one_direction(word), _in_latin(word)):
            fitting = _fit(candidate).rstrip(PUNCTUATION)
            if fitting and self._judge(fitting) == fitting:
                return fitting
        return ""

    def _is_harmless(self, spelt: str) -> bool:
        return all(is_of_a_word(char) and not self._looks_like_a_delimiter(char) for char in spelt)


def same_as_password(name: str, password: str) -> bool:
    """Tell whether the name would give the password away: they differ in case, width and spaces at most."""
    return fold_spaces(name) == fold_spaces(password)


def fold_spaces(text: str) -> str:
    """Return a text without differences of case, width and spaces, as which `_` counts."""
    return fold(text.replace("_", " "))


def _has_too_many_graphemes(text: str) -> bool:
    if len(text) <= MAX_NAME_GRAPHEMES:
        return False
    return sum(1 for _ in wcwidth.iter_graphemes(text)) > MAX_NAME_GRAPHEMES


def _spell_out(char: str) -> str:
    """Return the plain letters of a ligature, a circled letter or a number sign; else the character itself."""
    sort, *letters = unicodedata.decomposition(char).split()[: _LONGEST_EXPANSION + 2] or [""]
    is_short = sort.startswith("<") and len(letters) <= _LONGEST_EXPANSION
    return unicodedata.normalize("NFKC", char) if is_short else char


def _of_one_direction(word: str) -> str:
    """Keep the characters that have the direction of the first letter."""
    letters = [char for char in word if unicodedata.category(char)[0] == "L"]
    if letters and unicodedata.bidirectional(letters[0]) in _RIGHT_TO_LEFT:
        kept = [char for char in word if unicodedata.bidirectional(char) in ("R", "AL", "NSM") or char in PUNCTUATION]
        return "".join(kept)
    return "".join(char for char in word if unicodedata.bidirectional(char) not in _RIGHT_TO_LEFT)


def _in_latin(word: str) -> str:
    return "".join(char for char in word if char.isascii())


def _fit(word: str) -> str:
    """Cut a word to what a name may be, from its first letter or digit on."""
    start = next((index for index, char in enumerate(word) if may_begin(char)), len(word))
    fitting, size = "", 0
    for count, seen in enumerate(wcwidth.iter_graphemes(word[start:])):
        size += len(seen.encode())
        if count == MAX_NAME_GRAPHEMES or size > MAX_NAME_BYTES:
            break
        fitting += seen
    return fitting
