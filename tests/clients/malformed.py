"""Messages that nobody should send, over real sockets: ADDRESS KEY. Each is answered or let go of; the service goes on."""

import base64
import json
import os
import socket
import struct
import sys

import httpx
import sound  # noqa: F401 (its alarm ends a test that hangs)
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

address, key = sys.argv[1:]
live = address.replace("http", "ws", 1)
host, port = address.removeprefix("http://").rsplit(":", 1)
headers = {"authorization": f"Bearer {key}"}
desk = httpx.Client(base_url=address, headers=headers)

PATHS = [
    "/v1/calls/stream",
    *(
        f"/ingress/{name}/{key}"
        for name in ("twilio", "telnyx", "vonage", "jambonz", "freeswitch", "freeswitch-fork", "asterisk")
    ),
    "/v1/realtime?intent=transcription",
    "/v1/listen?model=nova-3&encoding=linear16&sample_rate=16000&language=en",
]

DEEP = "[" * 100_000
MESSAGES = [
    "",
    "hello",
    "{",
    "null",
    "[]",
    '"start"',
    "{}",
    DEEP,
    '{"a":' * 50_000,
    json.dumps({"type": "x" * 100_000}),
    json.dumps({"type": "start"}),
    json.dumps({"type": "start", "encoding": "pcm_s16le", "sample_rate": 1e300}),
    json.dumps({"type": "start", "encoding": "opus", "sample_rate": 48000, "channels": ["caller"] * 9}),
    json.dumps({"event": "start"}),
    json.dumps({"event": "start", "start": {"streamSid": None, "mediaFormat": {"sampleRate": -1}}}),
    json.dumps({"event": "media", "media": {"payload": "!!!! no base64 !!!!"}}),
    json.dumps({"event": "media", "media": {"payload": base64.b64encode(b"\0" * 300_000).decode()}}),
    json.dumps({"event": ["connected"], "start": 7}),
    json.dumps({"event": "websocket:connected", "content-type": "audio/l16;rate=99999999999999"}),
    json.dumps({"sampleRate": "many", "mixType": {}, "metadata": []}),
    "MEDIA_START format:ulaw",
    "MEDIA_START " + "x:y " * 10_000,
    "DTMF_END digit:\u0000",
    json.dumps({"type": "input_audio_buffer.append", "audio": "%%%"}),
    json.dumps({"type": "session.update", "session": {"audio": {"input": {"format": {"type": "mp3"}}}}}),
    json.dumps({"type": "CloseStream", "channel": 1e400}),
    json.dumps({"type": "Finalize"}) * 3,
    b"",
    b"\0",
    b"\xff" * 1_001,
    os.urandom(4_096),
]

# Close codes that say whose fault it was
FAULTS = {1000, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1011}


def converse(path, messages):
    """Sends them; what came back, and the close code when the other side closed."""
    told = []
    with connect(live + path, additional_headers=headers, max_size=None) as line:
        try:
            for message in messages:
                line.send(message)
            while True:
                told.append(line.recv(timeout=0.1))
        except TimeoutError:
            return told, None
        except ConnectionClosed as closed:
            return told, closed.rcvd.code if closed.rcvd else 1006


def alive():
    assert desk.get("/healthz").status_code == 200
    figures = desk.get("/metrics").text
    assert 'allo_live_events_total{kind="panic"} 0' in figures, figures


for path in PATHS:
    for message in MESSAGES:
        told, code = converse(path, [message])
        assert code is None or code in FAULTS - {1011}, (path, message[:60], code)
        assert all(isinstance(it, bytes) or json.loads(it) for it in told if not path.endswith("asterisk/" + key)), told
    # All of them behind each other, on one line
    _, code = converse(path, MESSAGES)
    assert code is None or code in FAULTS - {1011}, (path, code)
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


# Frames that break WebSocket itself
FRAMES = [
    masked(0x1, b"\xff\xfe no UTF-8"),
    masked(0x2, b"", length=1 << 62),
    masked(0x2, b"\0" * 2_000_000),
    masked(0xF, b"no such opcode"),
    masked(0x9, b"a ping that is too long" * 20),
    b"\x81\x05hello",
    b"\xf1\x85\0\0\0\0hello",
    masked(0x0, b"a continuation of nothing"),
    os.urandom(2_000),
]
for path in PATHS:
    for frame in FRAMES:
        with upgrade(path) as line:
            try:
                line.sendall(frame)
                line.shutdown(socket.SHUT_WR)
                while line.recv(65_536):
                    pass
            except OSError:
                pass
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

# And a call is still a call
with connect(f"{live}/v1/calls/stream", additional_headers=headers) as call:
    start = {"type": "start", "encoding": "pcm_s16le", "sample_rate": 16000, "channels": ["caller"]}
    call.send(json.dumps(start))
    assert json.loads(call.recv(timeout=60))["type"] == "call.started"
    call.send(json.dumps({"type": "stop"}))
    kinds = []
    try:
        while True:
            kinds.append(json.loads(call.recv(timeout=60))["type"])
    except ConnectionClosed as closed:
        assert closed.rcvd.code == 1000, closed
    assert kinds == ["call.ended"], kinds
print("ok")
