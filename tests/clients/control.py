"""Somebody else's voicebot on a live call of the generic WebSocket, from a second connection: ADDRESS KEY."""

import array
import json
import math
import sys

import httpx
import sound  # noqa: F401 (its alarm ends a test that hangs)
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

address, key = sys.argv[1:]
live = address.replace("http", "ws", 1)
headers = {"authorization": f"Bearer {key}"}
RATE, FRAME_BYTES = 8_000, 320


def tone(seconds):
    samples = (round(12_000 * math.sin(index * 0.35)) for index in range(RATE * seconds))
    return array.array("h", samples).tobytes()


def send(line, kind, **fields):
    line.send(json.dumps({"type": kind, **fields}))


def play(bot, mark, seconds):
    send(bot, "play", mark=mark, encoding="pcm_s16le", sample_rate=RATE)
    bot.send(tone(seconds))


def hear(call, kind):
    """The next message of this kind, and the sound that came before it."""
    heard = b""
    while True:
        message = call.recv(timeout=60)
        if isinstance(message, bytes):
            heard += message
        elif (told := json.loads(message))["type"] == kind:
            return told, heard


def is_loud(heard):
    return max(map(abs, array.array("h", heard))) > 8_000


with connect(f"{live}/v1/calls/stream", additional_headers=headers) as call:
    send(call, "start", encoding="pcm_s16le", sample_rate=RATE, playback=True, language="en")
    started, _ = hear(call, "call.started")
    identity = started["call"]
    with connect(f"{live}/v1/calls/{identity}/control", subprotocols=["token", key]) as bot:
        assert bot.subprotocol == "token", bot.subprotocol

        # What is played arrives whole, and its end is told under its name
        play(bot, "greeting", 1)
        finished, heard = hear(call, "playback.finished")
        assert (finished["mark"], finished["completed"]) == ("greeting", True), finished
        assert RATE * 2 <= len(heard) <= RATE * 2 + FRAME_BYTES and is_loud(heard), len(heard)

        # A mistake is named, and the connection goes on
        for message, field in (
            ({"type": "play", "mark": "m", "encoding": "mp3", "sample_rate": RATE}, "encoding"),
            ({"type": "play", "encoding": "mulaw", "sample_rate": RATE}, "mark"),
            ({"type": "expect", "what": "love"}, "what"),
            ({"type": "sing"}, "type"),
        ):
            bot.send(json.dumps(message))
            refused = json.loads(bot.recv(timeout=60))
            assert (refused["type"], refused["code"], refused["field"]) == ("error", "invalid_field", field), refused
        bot.send(b"\0\0")
        assert json.loads(bot.recv(timeout=60))["code"] == "out_of_order"
        send(bot, "expect", what="digits", count=6, channel="caller")

        # A flush stops it at once
        play(bot, "long", 30)
        while not isinstance(call.recv(timeout=60), bytes):
            pass
        send(bot, "flush")
        _, heard = hear(call, "flush")
        assert len(heard) < RATE * 2 * 15, len(heard)
        finished, heard = hear(call, "playback.finished")
        assert (finished["mark"], finished["completed"], heard) == ("long", False, b""), (finished, len(heard))

        # The client of the call is asked to connect somebody, and to end it
        send(bot, "transfer", target="sip:accueil@example.com")
        transfer, heard = hear(call, "transfer")
        assert (transfer["target"], heard) == ("sip:accueil@example.com", b""), transfer
        send(bot, "hangup")
        hear(call, "hangup")
        ended, _ = hear(call, "call.ended")
        assert ended["reason"] == "stopped", ended
        for line in (call, bot):
            try:
                raise AssertionError(line.recv(timeout=60))
            except ConnectionClosed as closed:
                assert closed.rcvd.code == 1000, closed

# A call that has ended, one that never was, and nobody without a key
for path, options, status in (
    (f"/v1/calls/{identity}/control", {"additional_headers": headers}, 404),
    ("/v1/calls/none/control", {"additional_headers": headers}, 404),
    (f"/v1/calls/{identity}/control", {}, 401),
):
    try:
        with connect(live + path, **options):
            raise AssertionError(f"{path} was taken")
    except InvalidStatus as refused:
        assert refused.response.status_code == status, (path, refused)
assert httpx.get(f"{address}/readyz").status_code == 200
print("ok")
