"""Calls while the service is told to stop: ADDRESS KEY RECORDING (16 kHz WAV, English) PROCESS."""

import json
import os
import signal
import sys
import time

import sound
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

address, key, recording, process = sys.argv[1:]
live = address.replace("http", "ws", 1)
headers = {"authorization": f"Bearer {key}"}
rate, samples = sound.read(recording)
START = {"type": "start", "encoding": "pcm_s16le", "sample_rate": rate, "channels": ["caller"], "language": "en"}
frames = sound.frames(samples.tobytes(), rate // 50 * 2)


def begin():
    call = connect(f"{live}/v1/calls/stream", additional_headers=headers)
    call.send(json.dumps(START))
    return call


def speak(call):
    for frame in frames:
        call.send(frame)
        time.sleep(0.005)


def rest(call):
    messages = []
    try:
        while True:
            messages.append(json.loads(call.recv(timeout=60)))
    except ConnectionClosed as closed:
        # The wish to hang up is a message too, and no event.
        return [message for message in messages if "sequence" in message], closed.rcvd.code


def follow(call):
    """Whoever follows a call is no caller: it is told all of it, to its end."""
    started = json.loads(call.recv(timeout=60))
    assert started["type"] == "call.started", started
    return connect(f"{live}/v1/calls/{started['call']}/events", additional_headers=headers)


ending, lasting = begin(), begin()
follower = follow(lasting)
speak(lasting)
speak(ending)
os.kill(int(process), signal.SIGTERM)
time.sleep(0.3)

# Nobody new
try:
    with connect(f"{live}/v1/calls/stream", additional_headers=headers):
        raise AssertionError("a call was taken")
except OSError:
    pass

# A call that ends by itself within the time ends as it always does
ending.send(json.dumps({"type": "stop"}))
told, code = rest(ending)
assert any(event["type"] == "transcript.final" for event in told), told
assert told[-1]["type"] == "call.ended" and told[-1]["reason"] == "hung_up" and code == 1000, (told[-1], code)

# One that does not is ended, with all that was said in it, and says why
told, code = rest(lasting)
finals = [event["text"] for event in told if event["type"] == "transcript.final"]
assert finals and len(" ".join(finals).split()) >= 3, told
assert told[-1]["type"] == "call.ended" and told[-1]["reason"] == "shutdown" and code == 1001, (told[-1], code)
followed, code = rest(follower)
assert followed[1:] == told and code == 1000, (followed, told, code)
print("ok")
