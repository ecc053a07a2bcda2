"""Messages that nobody should send, over real sockets: ADDRESS KEY. A table says what becomes of each."""

import base64
import contextlib
import json
import os
import socket
import struct
import sys
import threading
import time
from typing import NamedTuple

import httpx
import sound  # noqa: F401 (its alarm ends a test that hangs)
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

address, key = sys.argv[1:]
live = address.replace("http", "ws", 1)
host, port = address.removeprefix("http://").rsplit(":", 1)
headers = {"authorization": f"Bearer {key}"}
desk = httpx.Client(base_url=address, headers=headers)

DEEP = "[" * 100_000
MESSAGES = {
    "nothing": "",
    "word": "hello",
    "open brace": "{",
    "null": "null",
    "list": "[]",
    "text": '"start"',
    "object": "{}",
    "deep list": DEEP,
    "deep object": '{"a":' * 50_000,
    "long type": json.dumps({"type": "x" * 100_000}),
    "bare start": json.dumps({"type": "start"}),
    "absurd rate": json.dumps({"type": "start", "encoding": "pcm_s16le", "sample_rate": 1e300}),
    "nine channels": json.dumps({"type": "start", "encoding": "opus", "sample_rate": 48000, "channels": ["caller"] * 9}),
    "event start": json.dumps({"event": "start"}),
    "broken event start": json.dumps({"event": "start", "start": {"streamSid": None, "mediaFormat": {"sampleRate": -1}}}),
    "no base64": json.dumps({"event": "media", "media": {"payload": "!!!! no base64 !!!!"}}),
    "long payload": json.dumps({"event": "media", "media": {"payload": base64.b64encode(b"\0" * 300_000).decode()}}),
    "event list": json.dumps({"event": ["connected"], "start": 7}),
    "vonage start": json.dumps({"event": "websocket:connected", "content-type": "audio/l16;rate=99999999999999"}),
    "jambonz start": json.dumps({"sampleRate": "many", "mixType": {}, "metadata": []}),
    "asterisk start": "MEDIA_START format:ulaw",
    "asterisk words": "MEDIA_START " + "x:y " * 10_000,
    "asterisk key": "DTMF_END digit:\u0000",
    "openai audio": json.dumps({"type": "input_audio_buffer.append", "audio": "%%%"}),
    "openai format": json.dumps({"type": "session.update", "session": {"audio": {"input": {"format": {"type": "mp3"}}}}}),
    # Python writes Infinity, which is no JSON.
    "infinity": json.dumps({"type": "CloseStream", "channel": 1e400}),
    "three objects": json.dumps({"type": "Finalize"}) * 3,
    "no bytes": b"",
    "one byte": b"\0",
    "odd bytes": b"\xff" * 1_001,
    "random bytes": os.urandom(4_096),
}
NO_JSON = ("nothing", "word", "open brace", "asterisk start", "asterisk words", "asterisk key", "infinity")
NO_OBJECT = ("null", "list", "text")
LARGE = ("deep list", "deep object", "long type", "long payload")
BINARY = ("no bytes", "one byte", "odd bytes", "random bytes")


class Closed(NamedTuple):
    """The connection is closed, with this in the reason: the field, or what was wrong."""

    code: int
    reason: str


class Refused(NamedTuple):
    """An error is told, then the connection is closed."""

    error: str
    field: str | None = None


class Complained(NamedTuple):
    """An error is told, and the connection goes on."""

    error: str
    field: str | None = None


# Nothing is told and the connection goes on, as one on which no call has begun, or as one on which one has.
IGNORED, TAKEN = "ignored", "taken"


def table(groups, others, exceptions=None):
    """What is expected of each message: by group, of all others, and of those with a reason of their own."""
    expected = dict.fromkeys(MESSAGES, others)
    for names, outcome in groups.items():
        expected.update(dict.fromkeys(names, outcome))
    unknown = set(exceptions or {}) - set(MESSAGES)
    assert not unknown, unknown
    return expected | (exceptions or {})


UNREADABLE, TOO_LARGE = Closed(1007, "cannot be read"), Closed(1009, "a message of")
GARBAGE = {NO_JSON: UNREADABLE, NO_OBJECT: Closed(1008, "`message`"), LARGE: TOO_LARGE}


def envelope(first_field):
    """Twilio and Telnyx: everything is text, an event says what it is."""
    return table(
        GARBAGE | {BINARY: TOO_LARGE},
        Closed(1008, "`event`"),
        {
            "no bytes": Closed(1008, "a binary message"),
            "event start": Closed(1008, "`start`"),
            "broken event start": Closed(1008, f"`start.{first_field}`"),
            "no base64": Closed(1008, "audio before the start"),
            # An event that a later version may have added.
            "vonage start": IGNORED,
        },
    )


# The first text is whatever the dialplan says, and without one a stream has one channel at 8 kHz.
FREESWITCH = table(
    {LARGE: TOO_LARGE},
    TAKEN,
    {
        "absurd rate": Closed(1008, "`parameters.sample_rate`"),
        "jambonz start": Closed(1008, "`parameters.sample_rate`"),
        "nine channels": Closed(1008, "`parameters.channels`"),
    },
)

PATHS = {
    "/v1/calls/stream": table(
        {
            NO_JSON: Refused("unreadable"),
            NO_OBJECT: Refused("invalid_field", "message"),
            LARGE: Refused("too_large"),
            BINARY: Refused("out_of_order"),
        },
        Refused("invalid_field", "type"),
        {
            "bare start": Refused("invalid_field", "encoding"),
            "absurd rate": Refused("invalid_field", "sample_rate"),
            "nine channels": Refused("invalid_field", "channels"),
            "three objects": Refused("unreadable"),
        },
    ),
    f"/ingress/twilio/{key}": envelope("streamSid"),
    f"/ingress/telnyx/{key}": envelope("call_control_id"),
    f"/ingress/vonage/{key}": table(
        GARBAGE | {BINARY: Closed(1008, "audio before websocket:connected")},
        Closed(1008, "`event`"),
        {
            "vonage start": Closed(1008, "`content-type`"),
            "event start": IGNORED,
            "broken event start": IGNORED,
            "no base64": IGNORED,
        },
    ),
    f"/ingress/jambonz/{key}": table(
        GARBAGE | {BINARY: Closed(1008, "audio before the attributes of the call")},
        Closed(1008, "`callSid`"),
        {"jambonz start": Closed(1008, "`sampleRate`")},
    ),
    f"/ingress/freeswitch/{key}": FREESWITCH,
    f"/ingress/freeswitch-fork/{key}": FREESWITCH,
    f"/ingress/asterisk/{key}": table(
        # In the plain form every line is a message, and what a later version adds ends no call.
        GARBAGE | {NO_OBJECT: IGNORED, BINARY: Closed(1008, "media before MEDIA_START")},
        Closed(1008, "`event`"),
        {
            "word": IGNORED,
            "event start": IGNORED,
            "broken event start": IGNORED,
            "no base64": IGNORED,
            "vonage start": IGNORED,
            "asterisk start": TAKEN,
            "asterisk words": Closed(1008, "`format`"),
            "asterisk key": Closed(1008, "a key before MEDIA_START"),
        },
    ),
    "/v1/realtime?intent=transcription": table(
        {(*NO_JSON, *BINARY, "deep list", "deep object", "three objects"): Complained("malformed_request")},
        Complained("unsupported_value", "type"),
        {
            "openai audio": Complained("unsupported_value", "audio"),
            "openai format": Complained("unsupported_value", "session.audio.input.format"),
        },
    ),
    "/v1/listen?model=nova-3&encoding=linear16&sample_rate=16000&language=en": table(
        {BINARY: TAKEN},
        Complained("UNKNOWN_MESSAGE"),
        # How clients of older versions end the stream.
        {"no bytes": Closed(1000, "")},
    ),
}
CLOSE_CODES = {"unreadable": 1007, "invalid_field": 1008, "out_of_order": 1008, "too_large": 1009}


def open_calls():
    return desk.get("/v1/calls").json()["calls"]


def until(condition):
    limit = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < limit, "nothing happened"
        time.sleep(0.01)


class Answer(NamedTuple):
    """What came back: texts, the close frame if there was one, how many calls go on."""

    told: list
    close: object
    calls: int


def answer(path, messages, closes=False):
    """What the messages lead to. A ping behind them is answered when all of them were worked on; the end of a call that they
    `closes` may take longer, since its last words are told before."""
    told, pong = [], threading.Event()
    with connect(live + path, additional_headers=headers, max_size=None) as line:
        if path.startswith("/v1/realtime"):
            assert json.loads(line.recv(timeout=60))["type"] == "session.created"
        # What was told before the connection was closed is still there.
        with contextlib.suppress(ConnectionClosed):
            for message in messages:
                line.send(message)
            pong = line.ping()
        limit = time.monotonic() + 60
        try:
            while not pong.is_set():
                assert time.monotonic() < limit, f"{path} neither answers nor closes"
                with contextlib.suppress(TimeoutError):
                    told.append(line.recv(timeout=0.02))
            with contextlib.suppress(TimeoutError):
                while True:
                    told.append(line.recv(timeout=30 if closes else 0))
            found = Answer(told, None, len(open_calls()))
        except ConnectionClosed as closed:
            assert closed.rcvd, (path, "cut off without a close frame", told)
            found = Answer(told, closed.rcvd, 0)
    until(lambda: not open_calls())
    return found


def error_of(text):
    """Code and field of an error, in the words of each interface."""
    told = json.loads(text)
    if told["type"] == "Error":
        return told["err_code"], None
    assert told["type"] == "error", told
    if "error" in told:
        return told["error"]["code"], told["error"]["param"]
    return told["code"], told.get("field")


def check(path, name, expected):
    found = answer(path, [MESSAGES[name]], closes=isinstance(expected, Closed | Refused))
    where = (path, name, expected, found)
    match expected:
        case Closed(code, reason):
            assert found.close and found.close.code == code and reason in found.close.reason, where
        case Refused(error, field):
            assert [error_of(it) for it in found.told] == [(error, field)], where
            assert found.close and found.close.code == CLOSE_CODES[error], where
        case Complained(error, field):
            assert [error_of(it) for it in found.told] == [(error, field)] and not found.close, where
        case "ignored":
            assert not found.told and not found.close and found.calls == 0, where
        case "taken":
            assert not found.told and not found.close and found.calls == 1, where
        case _:
            raise AssertionError(where)


def alive():
    assert desk.get("/healthz").status_code == 200
    figures = desk.get("/metrics").text
    assert 'allo_live_events_total{kind="panic"} 0' in figures, figures


for path, outcomes in PATHS.items():
    for name, outcome in outcomes.items():
        check(path, name, outcome)
    alive()

# All of them behind each other on one line: the first that ends it does, and where none does each has its answer
for path, outcomes in PATHS.items():
    found = answer(path, list(MESSAGES.values()), closes=not path.startswith("/v1/realtime"))
    if path.startswith("/v1/realtime"):
        assert [error_of(it) for it in found.told] == [tuple(it) for it in outcomes.values()], found
    elif path.startswith("/v1/listen"):
        texts = [it for it in outcomes.values() if isinstance(it, Complained)]
        assert [error_of(it) for it in found.told[: len(texts)]] == [tuple(it) for it in texts], found
        assert found.close and found.close.code == 1000, found
    else:
        # FreeSWITCH's first text begins a call, in which nothing but what is too large ends it.
        code = 1009 if "freeswitch" in path else 1007
        assert found.close and found.close.code == code, (path, found)
alive()


def upgrade(path):
    line = socket.create_connection((host, int(port)), timeout=30)
    request = (
        f"GET {path} HTTP/1.1\r\nhost: {host}:{port}\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
        f"sec-websocket-version: 13\r\nsec-websocket-key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
        f"authorization: Bearer {key}\r\n\r\n"
    )
    line.sendall(request.encode())
    head = b""
    while b"\r\n\r\n" not in head:
        head += line.recv(4_096)
    assert head.startswith(b"HTTP/1.1 101"), head
    return line


def masked(opcode, payload, length=None):
    """A frame of WebSocket; `length` is what its head claims."""
    claimed = len(payload) if length is None else length
    return bytes([0x80 | opcode]) + struct.pack(">BQ", 0x80 | 127, claimed) + b"\0\0\0\0" + payload


# Frames that break WebSocket itself: here alone a connection may end without a close frame
FRAMES = [
    masked(0x1, b"\xff\xfe no UTF-8"),
    masked(0x2, b"", length=1 << 62),
    masked(0x2, b"\0" * 2_000_000),
    masked(0xF, b"no such opcode"),
    masked(0x9, b"a ping that is too long" * 20),
    b"\x81\x05hello",
    b"\xf1\x85\0\0\0\0hello",
    masked(0x0, b"a continuation of nothing"),
]


def read_to_the_end(line):
    """Until the other side ends the connection. Who waits for ever has not ended it."""
    try:
        while line.recv(65_536):
            pass
    except TimeoutError:
        raise
    except OSError:
        pass


for path in PATHS:
    for frame in FRAMES:
        with upgrade(path) as line:
            # The other side may have ended it before all of it was sent.
            with contextlib.suppress(ConnectionError):
                line.sendall(frame)
            read_to_the_end(line)
    # Half a frame may be among it: this side ends it.
    with upgrade(path) as line:
        with contextlib.suppress(OSError):
            line.sendall(os.urandom(2_000))
            line.shutdown(socket.SHUT_WR)
        read_to_the_end(line)
    alive()

# What is no HTTP at all
for garbage in (b"\0" * 100_000, b"GET " + b"/" * 100_000 + b" HTTP/1.1\r\n\r\n", b"\x16\x03\x01 hello", os.urandom(5_000)):
    with socket.create_connection((host, int(port)), timeout=30) as line:
        try:
            line.sendall(garbage)
            line.shutdown(socket.SHUT_WR)
            while line.recv(65_536):
                pass
        except OSError:
            pass
alive()

# What is wrong in a call is named, and the call goes on
with connect(f"{live}/v1/calls/stream", additional_headers=headers) as call:
    start = {"type": "start", "encoding": "pcm_s16le", "sample_rate": 16000, "channels": ["caller"]}
    call.send(json.dumps(start))
    assert json.loads(call.recv(timeout=60))["type"] == "call.started"
    for message, error in (
        (b"\0" * 321, ("invalid_audio", None)),
        (json.dumps(start), ("out_of_order", None)),
        ("{", ("unreadable", None)),
        (json.dumps({"type": "dtmf", "digit": "x"}), ("invalid_field", "digit")),
        (json.dumps({"type": "dtmf", "digit": "5", "channel": "agent"}), ("invalid_field", "channel")),
        (json.dumps({"type": "dtmf"}), ("invalid_field", "digit")),
        (json.dumps({"type": "dance"}), ("invalid_field", "type")),
    ):
        call.send(message)
        assert error_of(call.recv(timeout=60)) == error, message
    call.send(json.dumps({"type": "stop"}))
    kinds = []
    try:
        while True:
            kinds.append(json.loads(call.recv(timeout=60))["type"])
    except ConnectionClosed as closed:
        assert closed.rcvd.code == 1000, closed
    assert kinds == ["call.ended"], kinds
alive()

# Whoever controls a call is told what is wrong with each message, and both go on
CONTROL = table(
    {
        NO_JSON: Complained("unreadable"),
        NO_OBJECT: Complained("invalid_field"),
        (*LARGE, "asterisk words"): Complained("too_large"),
        BINARY: Complained("out_of_order"),
    },
    Complained("invalid_field", "type"),
    {"three objects": Complained("unreadable")},
)
with connect(f"{live}/v1/calls/stream", additional_headers=headers) as call:
    call.send(json.dumps(start))
    begun = json.loads(call.recv(timeout=60))
    with connect(f"{live}/v1/calls/{begun['call']}/control", additional_headers=headers) as control:
        for name, complaint in CONTROL.items():
            control.send(MESSAGES[name])
            error, field = error_of(control.recv(timeout=60))
            assert error == complaint.error and complaint.field in (None, field), (name, complaint, error, field)
        control.send(json.dumps({"type": "expect", "what": "phone"}))
        call.send(json.dumps({"type": "dtmf", "digit": "5"}))
        assert json.loads(call.recv(timeout=60))["type"] == "dtmf"
        call.send(json.dumps({"type": "stop"}))
        assert json.loads(call.recv(timeout=60))["type"] == "call.ended"
        try:
            raise AssertionError(control.recv(timeout=60))
        except ConnectionClosed as closed:
            assert closed.rcvd.code == 1000, closed
alive()
print("ok")
