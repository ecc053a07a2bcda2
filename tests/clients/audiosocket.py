"""AudioSocket as Asterisk speaks it: ADDRESS KEY RECORDING (16 kHz WAV, English) SOCKET (tcp://HOST:PORT).

Only calls that were told of are taken.
"""

import json
import socket
import struct
import sys
import threading
import time
import uuid

import httpx
import sound
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

address, key, recording, peer = sys.argv[1:]
live = address.replace("http", "ws", 1)
headers = {"authorization": f"Bearer {key}"}
desk = httpx.Client(base_url=address, headers=headers)
rate, samples = sound.read(recording)
host, port = peer.removeprefix("tcp://").rsplit(":", 1)

HANGUP, IDENTITY, KEY, SLIN8, SLIN16 = 0x00, 0x01, 0x03, 0x10, 0x12
FRAME_S = 0.02


def frame(kind, payload=b""):
    return struct.pack(">BH", kind, len(payload)) + payload


class Hearing(threading.Thread):
    """Reads what Asterisk would play, with the time of each frame."""

    def __init__(self, line):
        super().__init__(daemon=True)
        self.line, self.frames, self.is_closed = line, [], False

    def run(self):
        while (head := self.exactly(3)) is not None:
            kind, length = struct.unpack(">BH", head)
            payload = self.exactly(length)
            if payload is None:
                break
            self.frames.append((time.monotonic(), kind, payload))
        self.is_closed = True

    def exactly(self, count):
        read = b""
        while len(read) < count:
            try:
                piece = self.line.recv(count - len(read))
            except OSError:
                return None
            if not piece:
                return None
            read += piece
        return read


def events_of(call):
    messages = []
    with connect(f"{live}/v1/calls/{call}/events", additional_headers=headers) as follower:
        try:
            while True:
                messages.append(json.loads(follower.recv(timeout=60)))
        except ConnectionClosed:
            return messages


def speak(line, kind, pcm, size):
    """Sends the sound as it would be spoken."""
    began = time.monotonic()
    for number, piece in enumerate(sound.frames(pcm, size)):
        time.sleep(max(0.0, began + FRAME_S * number - time.monotonic()))
        line.sendall(frame(kind, piece))


def open_calls():
    return [it["id"] for it in desk.get("/v1/calls").json()["calls"]]


def until(condition):
    limit = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < limit, "nothing happened"
        time.sleep(0.02)


def tell(**told):
    return desk.post("/v1/calls/expected", json=told)


def call(kind, pcm, size, ending):
    announced = uuid.uuid4()
    answer = tell(uuid=str(announced), language="en", caller="+33100000001", vocabulary=["Dashwood"])
    assert (answer.status_code, answer.json()) == (201, {"uuid": str(announced), "expires_in": 300}), answer.text
    with socket.create_connection((host, int(port))) as line:
        hearing = Hearing(line)
        hearing.start()
        # The identity and a key in one write, the first frame cut in two: TCP keeps no borders.
        line.sendall(frame(IDENTITY, announced.bytes) + frame(KEY, b"7"))
        first = frame(kind, b"\0" * size)
        line.sendall(first[:5])
        time.sleep(0.05)
        line.sendall(first[5:])
        until(open_calls)
        [identity] = open_calls()
        speak(line, kind, pcm, size)
        line.sendall(frame(KEY, b"#"))
        ending(line)
        until(lambda: hearing.is_closed)
    told = events_of(identity)
    said = " ".join(event["text"] for event in told if event["type"] == "transcript.final")
    assert told[0]["ingress"] == "audiosocket", told[0]
    assert len(said.split()) >= 3, told
    assert [event["digit"] for event in told if event["type"] == "dtmf"] == ["7", "#"], told
    return told, hearing.frames


def hang_up(line):
    line.sendall(frame(HANGUP))


def vanish(line):
    line.shutdown(socket.SHUT_RDWR)


# Both rates; while nothing is played silence comes back, a frame every 20 ms
narrow = sound.resampled(samples, rate, 8_000).tobytes()
for kind, pcm, size in ((SLIN8, narrow, 320), (SLIN16, samples.tobytes(), 640)):
    told, heard = call(kind, pcm, size, hang_up)
    assert told[-1]["type"] == "call.ended" and told[-1]["reason"] == "hung_up", told[-1]
    sounds = [(at, payload) for at, its, payload in heard if its == kind]
    assert sounds and all(len(payload) == size and not any(payload) for _, payload in sounds), heard[:3]
    seconds = sounds[-1][0] - sounds[0][0]
    due = seconds / FRAME_S
    # Late frames are caught up with, early ones do not leave: over the whole call the number is right.
    assert abs(len(sounds) - 1 - due) <= 0.1 * due + 5, (len(sounds), seconds)

# Nobody told of this one; and what a call asks for that cannot be done is refused, so what was told has reached it
unwanted = uuid.uuid4()
assert tell(uuid=str(unwanted), bot=True).status_code == 201
for identity in (uuid.uuid4(), unwanted):
    with socket.create_connection((host, int(port))) as line:
        hearing = Hearing(line)
        hearing.start()
        line.sendall(frame(IDENTITY, identity.bytes) + frame(SLIN8, b"\0" * 320))
        until(lambda: hearing.is_closed)
        assert [heard[1:] for heard in hearing.frames] == [(HANGUP, b"")], hearing.frames
    assert open_calls() == []
assert 'allo_refused_total{reason="unexpected"} 1' in desk.get("/metrics").text
for told, field in (({}, "uuid"), ({"uuid": "7"}, "uuid"), ({"uuid": str(unwanted), "language": "es"}, "language")):
    answer = tell(**told)
    assert answer.status_code == 400 and answer.json()["error"]["param"] == field, answer.text

# A connection that breaks ends its call
told, _ = call(SLIN8, narrow, 320, vanish)
assert told[-1]["reason"] == "disconnected", told[-1]

# Whatever is no AudioSocket is let go of, and the next call is taken
for garbage in (b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", frame(IDENTITY, b"short"), frame(0x77, b"?" * 60_000), b"\xff" * 200_000):
    with socket.create_connection((host, int(port))) as line:
        hearing = Hearing(line)
        hearing.start()
        try:
            line.sendall(garbage)
            vanish(line)
        except OSError:
            pass
    until(lambda: not open_calls())
told, _ = call(SLIN16, samples.tobytes(), 640, hang_up)
assert told[-1]["reason"] == "hung_up", told[-1]
assert desk.get("/readyz").status_code == 200
print("ok")
