"""A machine that is full: ADDRESS KEY RECORDING (16 kHz WAV, English) SOCKET (tcp://HOST:PORT) MODE (refuse, finals-only)."""

import json
import socket
import sys
import time
import uuid

import httpx
import sound
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

address, key, recording, peer, mode = sys.argv[1:]
live = address.replace("http", "ws", 1)
headers = {"authorization": f"Bearer {key}"}
desk = httpx.Client(base_url=address, headers=headers)
rate, samples = sound.read(recording)
START = {"type": "start", "encoding": "pcm_s16le", "sample_rate": rate, "channels": ["caller"], "language": "en"}


def begin():
    """A call, and what it is told first."""
    call = connect(f"{live}/v1/calls/stream", additional_headers=headers)
    call.send(json.dumps(START))
    started = json.loads(call.recv(timeout=60))
    assert started["type"] == "call.started", started
    return call, started


def refused(path):
    try:
        with connect(live + path, additional_headers=headers):
            raise AssertionError(f"{path} was taken")
    except InvalidStatus as error:
        return error.response


def refused_over_tcp():
    """AudioSocket has no status and no close code: what Asterisk is sent until the connection ends."""
    host, port = peer.removeprefix("tcp://").rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=60) as line:
        line.sendall(b"\x01\0\x10" + uuid.uuid4().bytes + b"\x10\x01\x40" + b"\0" * 320)
        told = b""
        while piece := line.recv(1_000):
            told += piece
        return told


def rest(call):
    call.send(json.dumps({"type": "stop"}))
    messages = []
    try:
        while True:
            messages.append(json.loads(call.recv(timeout=60)))
    except ConnectionClosed:
        return messages


def open_calls():
    return len(desk.get("/v1/calls").json()["calls"])


if mode == "refuse":
    # One call is all there is room for; the next is refused before its WebSocket is set up, in the words of each interface
    call, started = begin()
    assert started["partials"] is True, started
    for path in (
        "/v1/calls/stream",
        f"/ingress/twilio/{key}",
        "/v1/realtime?intent=transcription",
        f"/v1/listen?model=nova-3&encoding=linear16&sample_rate={rate}&language=en",
    ):
        response = refused(path)
        assert response.status_code == 503, (path, response)
        assert response.headers["retry-after"] == "7", (path, response.headers)
        body = json.loads(response.body)
        if path.startswith("/v1/listen"):
            assert "busy" in body["err_msg"], body
        else:
            assert body["error"]["code"] == "busy", body
    # Who asks for nonsense is told that, not that there is no room
    assert refused("/v1/calls/stream?events=perhaps").status_code == 400
    # Asterisk goes on in its dialplan behind a hang-up frame
    assert refused_over_tcp() == b"\0\0\0"
    assert 'allo_refused_total{reason="calls"} 5' in desk.get("/metrics").text
    rest(call)
    call, _ = begin()
    rest(call)
    # All are let in while nothing goes on; when one has begun, the others are told by their close code to come again
    first, second = (connect(f"{live}/v1/calls/stream", additional_headers=headers) for _ in range(2))
    twilio = connect(f"{live}/ingress/twilio/{key}")
    realtime = connect(f"{live}/v1/realtime?intent=transcription", additional_headers=headers)
    assert json.loads(realtime.recv(timeout=60))["type"] == "session.created"
    first.send(json.dumps(START))
    assert json.loads(first.recv(timeout=60))["type"] == "call.started"
    form = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    stream = {"streamSid": "MZ1", "callSid": "CA1", "tracks": ["inbound"], "mediaFormat": form}
    for late, message, told in (
        (second, START, []),
        (twilio, {"event": "start", "streamSid": "MZ1", "start": stream}, []),
        (realtime, {"type": "input_audio_buffer.append", "audio": "AAAAAAAA"}, ["busy"]),
    ):
        late.send(json.dumps(message))
        codes = []
        try:
            while True:
                codes.append(json.loads(late.recv(timeout=60))["error"]["code"])
        except ConnectionClosed as closed:
            assert closed.rcvd and closed.rcvd.code == 1013 and closed.rcvd.reason, (message, closed)
        assert codes == told, (message, codes)
    assert 'allo_refused_total{reason="calls"} 8' in desk.get("/metrics").text
    rest(first)
else:
    # As long as the finals fit, further calls go without partials; then they are refused
    calls = [begin() for _ in range(4)]
    assert [started["partials"] for _, started in calls] == [True, True, False, False], calls
    assert refused("/v1/calls/stream").status_code == 503
    pcm = samples.tobytes() + b"\0" * (rate * 2 * 2)
    call, _ = calls[2]
    for frame in sound.frames(pcm, rate // 50 * 2):
        call.send(frame)
        time.sleep(0.005)
    told = rest(call)
    kinds = [event["type"] for event in told]
    assert "transcript.final" in kinds and "transcript.partial" not in kinds, kinds
    for index in (0, 1, 3):
        rest(calls[index][0])
    assert 'allo_live_events_total{kind="call_finals_only"} 2' in desk.get("/metrics").text
assert open_calls() == 0
print("ok")
