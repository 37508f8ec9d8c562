"""Messages: what is encoded decodes to the same, and anything else is the one error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockatuh.errors import ProtocolError
from sockatuh.protocol import messages as m
from sockatuh.protocol.constants import MAX_PLAINTEXT

counts = st.integers(0, 2**63 - 1)
parts = st.integers(0, 16)
tokens = st.binary(min_size=8, max_size=8)
sixteen = st.binary(min_size=16, max_size=16)
texts = st.text(max_size=20)
blobs = st.binary(max_size=40)

calls = st.one_of(
    st.builds(m.Join, st.none() | texts, st.none() | blobs, st.none() | counts),
    st.builds(m.Who, texts),
    st.builds(m.Leave),
    st.builds(m.Rename, texts),
    st.builds(m.Away, st.none() | texts),
)
members = st.builds(m.MemberInfo, texts, texts, texts, st.booleans(), counts, counts, st.none() | texts)
answers = st.one_of(
    st.builds(m.Welcome, texts, sixteen, counts, counts, blobs, st.just(()), blobs),
    st.builds(m.NameValid, texts, counts, blobs, blobs, counts),
    st.builds(m.Refused, texts, counts, texts),
    st.builds(m.Members, st.lists(members, max_size=3).map(tuple), st.booleans()),
    st.builds(m.Goodbye),
    st.builds(m.NameChanged, texts, blobs, counts),
    st.builds(m.Noted),
)
client_messages = st.one_of(
    st.builds(m.Call, counts, calls),
    st.builds(m.Say, counts, counts, st.booleans(), parts, parts, blobs, texts),
    st.builds(m.Ack, counts),
    st.builds(m.Get, counts, counts),
    st.builds(m.Ping, tokens),
    st.builds(m.PathResponse, tokens),
    st.builds(m.Rekey, st.integers(0, 2**32 - 1), blobs),
)
entries = st.builds(m.Entry, counts, counts, counts, texts, texts, blobs, texts, texts, st.booleans())
changes = st.builds(m.Change, texts, texts, counts, texts)
server_messages = st.one_of(
    st.builds(m.Answer, counts, answers),
    st.builds(m.Stored, st.lists(st.tuples(counts, counts), max_size=3).map(tuple)),
    st.builds(m.Unsaid, counts, texts),
    st.builds(m.Progress, counts, counts, counts, counts, counts),
    st.builds(
        m.Entries,
        counts,
        counts,
        st.booleans(),
        st.lists(entries.map(lambda entry: msgspec.Raw(m.encode(entry))), max_size=3).map(tuple),
    ),
    st.builds(m.EntryPart, counts, parts, parts, blobs, st.booleans()),
    st.builds(m.Head, counts),
    st.builds(m.Pong, tokens, counts),
    st.builds(m.PathChallenge, tokens),
    st.builds(m.Rekeyed, blobs),
    st.builds(m.Closed, texts, counts),
    st.builds(m.Presence, counts, st.lists(changes, max_size=3).map(tuple)),
)
init_payloads = st.builds(
    m.InitPayload, st.text(max_size=8), tokens, counts, st.none() | sixteen, counts, st.none() | blobs
)
resp_payloads = st.builds(
    m.RespPayload,
    st.integers(1, 2**56 - 1),
    counts,
    counts,
    counts,
    counts,
    sixteen,
    st.text(max_size=8),
    st.booleans(),
)

Decoder = Callable[[bytes], Any]
DECODERS: Final[tuple[Decoder, ...]] = (
    m.decode_client_message_untrusted,
    m.decode_server_message_untrusted,
    m.decode_entry_untrusted,
    m.decode_init_payload_untrusted,
    m.decode_resp_payload_untrusted,
)

TYPES: Final = {
    m.Join: 1, m.Who: 2, m.Leave: 3, m.Rename: 4, m.Away: 5,
    m.Welcome: 16, m.NameValid: 17, m.Refused: 18, m.Members: 19, m.Goodbye: 20, m.NameChanged: 21, m.Noted: 22,
    m.Call: 1, m.Say: 2, m.Ack: 3, m.Get: 4, m.Ping: 5, m.PathResponse: 6, m.Rekey: 7,
    m.Answer: 16, m.Stored: 17, m.Unsaid: 18, m.Progress: 19, m.Entries: 20, m.EntryPart: 21, m.Head: 22, m.Pong: 23,
    m.PathChallenge: 24, m.Rekeyed: 25, m.Closed: 26, m.Presence: 27,
}  # fmt: skip


@given(message=client_messages)
def test_what_a_client_says_arrives_as_it_was_said(message: m.ClientMessage) -> None:
    assert m.decode_client_message_untrusted(m.encode(message)) == message


@given(message=server_messages)
def test_what_a_server_says_arrives_as_it_was_said(message: m.ServerMessage) -> None:
    assert m.decode_server_message_untrusted(m.encode(message)) == message


@given(entry=entries)
def test_an_entry_arrives_as_it_was_written_also_inside_a_message(entry: m.Entry) -> None:
    encoding = m.encode(entry)
    assert m.decode_entry_untrusted(encoding) == entry
    decoded = m.decode_server_message_untrusted(m.encode(m.Entries(0, 9, True, (msgspec.Raw(encoding),))))
    assert isinstance(decoded, m.Entries)
    assert [m.decode_entry_untrusted(item) for item in decoded.items] == [entry]


@given(payload=init_payloads)
def test_what_a_client_says_in_its_handshake_arrives(payload: m.InitPayload) -> None:
    assert m.decode_init_payload_untrusted(m.pad_payload(payload, 384)) == payload


@given(payload=resp_payloads)
def test_what_a_server_says_in_its_handshake_arrives(payload: m.RespPayload) -> None:
    assert m.decode_resp_payload_untrusted(m.pad_payload(payload, 144)) == payload


@pytest.mark.parametrize("kind", TYPES)
def test_each_message_bears_the_number_of_the_document(kind: type[msgspec.Struct]) -> None:
    assert kind.__struct_config__.tag == TYPES[kind]


def test_a_message_is_an_array_of_its_number_and_its_fields_in_order() -> None:
    say = m.Say(7, 5, True, 1, 3, b"piece")
    assert msgspec.msgpack.decode(m.encode(say)) == [2, 7, 5, True, 1, 3, b"piece", ""]
    private = m.Say(7, 5, False, 0, 1, b"piece", "budi")
    assert msgspec.msgpack.decode(m.encode(private)) == [2, 7, 5, False, 0, 1, b"piece", "budi"]
    away = m.Call(2, m.Away(None))
    assert msgspec.msgpack.decode(m.encode(away)) == [1, 2, [5, None]]
    join = m.Call(1, m.Join("ana", b"proof", 10))
    assert msgspec.msgpack.decode(m.encode(join)) == [1, 1, [1, "ana", b"proof", 10]]
    offer = m.Answer(1, m.NameValid("ana", 0, b"share", b"salt", 12))
    assert msgspec.msgpack.decode(m.encode(offer)) == [16, 1, [17, "ana", 0, b"share", b"salt", 12]]
    entry = m.Entry(9, 1000, m.MESSAGE, "ana", "hello", b"marked", "")
    assert msgspec.msgpack.decode(m.encode(entry)) == [9, 1000, 3, "ana", "hello", b"marked", "", "", False, 0, 0]


@given(junk=st.binary(max_size=200))
def test_any_bytes_are_a_message_or_the_one_error(junk: bytes) -> None:
    decodes_or_refuses(junk)


# What looks like MessagePack gets much further than what is random.
msgpack_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**64 - 1),
        st.floats(),
        st.text(max_size=5),
        st.binary(max_size=5),
    ),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@given(value=msgpack_values, kind=st.integers(0, 30))
def test_any_value_is_a_message_or_the_one_error(value: object, kind: int) -> None:
    decodes_or_refuses(msgspec.msgpack.encode(value))
    decodes_or_refuses(msgspec.msgpack.encode([kind, *value] if isinstance(value, list) else [kind, value]))


@given(message=client_messages | server_messages, data=st.data())
def test_a_message_with_bytes_changed_is_a_message_or_the_one_error(message: object, data: st.DataObject) -> None:
    encoding = bytearray(m.encode(message))
    for at in data.draw(st.lists(st.integers(0, len(encoding) - 1), max_size=3)):
        encoding[at] = data.draw(st.integers(0, 255))
    decodes_or_refuses(bytes(encoding))


def decodes_or_refuses(data: bytes) -> None:
    for decode in DECODERS:
        try:
            decode(data)
        except ProtocolError:
            continue


@given(message=client_messages | server_messages)
def test_no_strict_prefix_of_a_message_decodes(message: Any) -> None:
    encoding = m.encode(message)
    decode = DECODERS[0] if isinstance(message, m.ClientMessage) else DECODERS[1]
    for end in range(len(encoding)):
        with pytest.raises(ProtocolError):
            decode(encoding[:end])


@given(message=client_messages, junk=st.binary(min_size=1, max_size=5))
def test_nothing_may_stand_behind_a_message(message: m.ClientMessage, junk: bytes) -> None:
    with pytest.raises(ProtocolError):
        m.decode_client_message_untrusted(m.encode(message) + junk)


@given(message=client_messages, extra=st.lists(msgpack_values, min_size=1, max_size=3))
def test_fields_of_a_later_version_are_ignored(message: m.ClientMessage, extra: list[object]) -> None:
    fields = msgspec.msgpack.decode(m.encode(message))
    assert m.decode_client_message_untrusted(msgspec.msgpack.encode([*fields, *extra])) == message


HOSTILE: Final = {
    "arrays ten thousand deep": b"\x91" * 10_000 + b"\xc0",
    "arrays deep inside a call": b"\x93\x01\x01" + b"\x91" * 10_000 + b"\xc0",
    "arrays deep in a field of a later version": b"\x93\x03\x01" + b"\x91" * 1_100 + b"\xc0",
    "maps a thousand deep": b"\x81\xa1a" * 1_000 + b"\xc0",
    "an array that claims four billion elements": b"\xdd\xff\xff\xff\xff",
    "a string that claims four billion bytes": b"\x92\x02\xdb\xff\xff\xff\xff",
    "a number that is no UTF-8 name": b"\x92\x02\xa2\xff\xfe",
    "a name with half a surrogate": b"\x93\x01\x01\x94\x01\xa3\xed\xa0\x80\xc0\xc0",
    "a number over 63 bits": msgspec.msgpack.encode([3, 2**63]),
    "a number over 64 bits' half": msgspec.msgpack.encode([3, 2**64 - 1]),
    "a number below zero": msgspec.msgpack.encode([3, -1]),
    "a fraction for a number": msgspec.msgpack.encode([3, 1.0]),
    "a truth for a number": msgspec.msgpack.encode([3, True]),
    "a part behind the last": msgspec.msgpack.encode([2, 1, 1, False, 17, 17, b""]),
    "a short nonce": msgspec.msgpack.encode([5, bytes(7)]),
    "a long token": msgspec.msgpack.encode([6, bytes(9)]),
    "text where bytes belong": msgspec.msgpack.encode([5, "12345678"]),
    "a password where a proof belongs": msgspec.msgpack.encode([1, 1, [1, "ana", "tulip harbor", None]]),
    "a message of no known number": msgspec.msgpack.encode([8, 1]),
    "a call without a number": msgspec.msgpack.encode([1, 1, []]),
    "a call whose number is none": msgspec.msgpack.encode([1, 1, ["9"]]),
    "a known call that lacks a field": msgspec.msgpack.encode([1, 1, [1, "ana"]]),
    "too few fields": msgspec.msgpack.encode([4, 1]),
    "a map": msgspec.msgpack.encode({"type": 3}),
    "a name for nobody in particular": msgspec.msgpack.encode([2, 1, 1, False, 0, 1, b"", None]),
    "a list of addressees": msgspec.msgpack.encode([2, 1, 1, False, 0, 1, b"", ["ana", "budi"]]),
    "an addressee longer than a name": msgspec.msgpack.encode([2, 1, 1, False, 0, 1, b"", "n" * 129]),
    "a rename to nothing": msgspec.msgpack.encode([1, 1, [4]]),
    "a rename to none": msgspec.msgpack.encode([1, 1, [4, None]]),
    "a number for where somebody is": msgspec.msgpack.encode([1, 1, [5, 3]]),
    "no array": msgspec.msgpack.encode(3),
    "an extension": b"\xc7\x01\x05\x00",
    "nothing": b"",
}  # fmt: skip


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_what_was_made_to_hurt_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        m.decode_client_message_untrusted(data)


def test_an_entry_that_is_nested_without_end_is_refused_before_it_is_looked_at() -> None:
    with pytest.raises(ProtocolError):
        m.decode_server_message_untrusted(b"\x95\x14\x00\x01\xc2\x91" + b"\x91" * 1_100 + b"\xc0")


@pytest.mark.parametrize("cid", [2**32, 2**56, 2**63 - 1, -1])
def test_a_client_names_no_connection_that_does_not_fit_its_four_bytes(cid: int) -> None:
    with pytest.raises(ProtocolError):
        m.decode_client_message_untrusted(msgspec.msgpack.encode([7, cid, b"noise"]))


@pytest.mark.parametrize("cid", [0, 2**56, 2**63 - 1, -1])
def test_a_server_names_no_connection_that_does_not_fit_its_seven_bytes(cid: int) -> None:
    body = msgspec.msgpack.encode([cid, 25, 80, 16_384, 100, bytes(16), "room", False])
    with pytest.raises(ProtocolError):
        m.decode_resp_payload_untrusted(len(body).to_bytes(2, "little") + body)


def test_a_ticket_has_at_most_256_bytes_so_that_it_fits_the_next_handshake() -> None:
    longest = m.InitPayload("v" * 32, bytes(8), 2**63 - 1, bytes(16), 2**63 - 1, bytes(256))
    assert m.decode_init_payload_untrusted(m.pad_payload(longest, 384)) == longest
    welcome = m.Answer(1, m.Welcome("ana", bytes(16), 0, 0, bytes(257)))
    with pytest.raises(ProtocolError):
        m.decode_server_message_untrusted(m.encode(welcome))
    with pytest.raises(ProtocolError):
        m.decode_init_payload_untrusted(m.pad_payload(msgspec.structs.replace(longest, ticket=bytes(257)), 384))


@pytest.mark.parametrize(
    "answer",
    [
        m.NameValid("n" * 129, 0, b"", b"", 10),
        m.Welcome("n" * 129, bytes(16), 0, 0, b""),
        m.NameChanged("n" * 129, b"", 0),
    ],
)
def test_a_name_that_a_client_could_not_say_again_is_refused(answer: m.AnswerBody) -> None:
    with pytest.raises(ProtocolError):
        m.decode_server_message_untrusted(m.encode(m.Answer(1, answer)))


def test_the_longest_payload_without_a_ticket_fits() -> None:
    longest = m.InitPayload("v" * 32, bytes(8), 2**63 - 1, bytes(16), 2**63 - 1, None)
    assert len(m.pad_payload(longest, 128)) == 128


@pytest.mark.parametrize("cursor", [0, 9, 2**63 - 1])
def test_sizes_of_payloads_tell_nothing(cursor: int) -> None:
    payload = m.InitPayload("v", bytes(8), 0, None, cursor, None)
    padded = m.pad_payload(payload, 128)
    length = int.from_bytes(padded[:2], "little")
    assert len(padded) == 128
    assert padded[2 : 2 + length] == m.encode(payload)
    assert not padded[2 + length :].strip(b"\0")


def test_a_payload_that_does_not_fit_is_a_mistake_of_the_caller() -> None:
    payload = m.InitPayload("v" * 128, bytes(8), 0, None, 0, None)
    with pytest.raises(ValueError, match="does not fit"):
        m.pad_payload(payload, 128)


@pytest.mark.parametrize("data", [b"", b"\0", b"\x05\0abcd", b"\xff\xff" + bytes(126)])
def test_a_payload_shorter_than_it_says_is_refused(data: bytes) -> None:
    for decode in DECODERS[3:]:
        with pytest.raises(ProtocolError):
            decode(data)


def test_a_progress_of_an_older_server_gives_no_reason_and_an_older_client_passes_over_ours() -> None:
    assert m.decode_server_message_untrusted(msgspec.msgpack.encode([19, 1, 2, 3, 4])) == m.Progress(1, 2, 3, 4, 0)
    assert msgspec.msgpack.decode(m.encode(m.Progress(1, 2, 3, 4, m.LOG_REFUSES))) == [19, 1, 2, 3, 4, 1]


# Version 1 grows at its ends.


def test_what_an_older_client_or_server_leaves_out_has_the_documents_values() -> None:
    say = msgspec.msgpack.encode([2, 7, 5, True, 1, 3, b"piece"])
    assert m.decode_client_message_untrusted(say) == m.Say(7, 5, True, 1, 3, b"piece", to="")
    members = msgspec.msgpack.encode([16, 1, [19, [["ana", "tag", "secure", True, 1]], False]])
    ana = m.MemberInfo("ana", "tag", "secure", True, 1, m.MEMBER, away=None)
    assert m.decode_server_message_untrusted(members) == m.Answer(1, m.Members((ana,), False))


@given(message=server_messages, extra=st.lists(msgpack_values, min_size=1, max_size=3))
def test_a_client_passes_over_fields_of_a_later_version(message: m.ServerMessage, extra: list[object]) -> None:
    fields = msgspec.msgpack.decode(m.encode(message))
    assert m.decode_server_message_untrusted(msgspec.msgpack.encode([*fields, *extra])) == message


@given(entry=entries, extra=st.lists(msgpack_values, min_size=1, max_size=3))
def test_an_entry_of_a_later_version_is_read_without_what_is_new(entry: m.Entry, extra: list[object]) -> None:
    fields = msgspec.msgpack.decode(m.encode(entry))
    assert m.decode_item_untrusted(msgspec.msgpack.encode([*fields, *extra])) == entry


def test_what_stands_in_a_message_may_grow_too() -> None:
    member = m.MemberInfo("ana", "tag", "secure", True, 1, m.READER)
    members = [16, 1, [19, [[*msgspec.msgpack.decode(m.encode(member)), "new"]], False, "new"], "new"]
    assert m.decode_server_message_untrusted(msgspec.msgpack.encode(members)) == m.Answer(
        1, m.Members((member,), False)
    )
    presence = [27, 4, [["ana", "tag", 9, "lunch", "new"]], "new"]
    assert m.decode_server_message_untrusted(msgspec.msgpack.encode(presence)) == m.Presence(
        4, (m.Change("ana", "tag", 9, "lunch"),)
    )


def test_an_entry_that_says_only_what_it_must_has_the_documents_values_for_the_rest() -> None:
    assert m.decode_entry_untrusted(msgspec.msgpack.encode([7, 1, 3, "ana"])) == m.Entry(
        7, 1, m.MESSAGE, "ana", "", b"", "", "", False
    )


@pytest.mark.parametrize("number", [0, 7, 99, 2**62])
def test_a_call_of_a_later_version_is_an_unknown_call(number: int) -> None:
    call = msgspec.msgpack.encode([1, 7, [number, "budi", {"any": ["thing"]}], "new"])
    assert m.decode_client_message_untrusted(call) == m.Call(7, m.UnknownCall())


@pytest.mark.parametrize("flags", [0, m.FLAG_SCRIPT, m.FLAG_READER])
def test_flags_of_a_later_version_are_passed_over(flags: int) -> None:
    assert m.role_of(flags | 0xFF00) == m.role_of(flags)


def test_more_addresses_or_changes_than_the_document_allows_are_refused() -> None:
    welcome = m.Welcome("ana", bytes(16), 1, 2, b"", ("host:1",) * 9)
    presence = m.Presence(4, (m.Change("ana", "tag", 0),) * 33)
    for message in (m.Answer(1, welcome), presence):
        with pytest.raises(ProtocolError):
            m.decode_server_message_untrusted(m.encode(message))


@pytest.mark.parametrize("size", [20, 300, MAX_PLAINTEXT])
def test_a_padded_message_means_the_same(size: int) -> None:
    for message in (m.Ping(bytes(range(8))), m.Call(7, m.Leave())):
        padded = m.encode_padded(message, size)
        assert len(padded) == size
        assert m.decode_client_message_untrusted(padded) == message


def test_a_message_is_not_padded_to_less_than_it_has() -> None:
    with pytest.raises(ValueError, match="cannot be padded"):
        m.encode_padded(m.Ping(bytes(8)), 14)
