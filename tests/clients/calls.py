"""Live calls of `allo serve` as a platform and a desk see them: ADDRESS KEY RECORDING (16 kHz WAV)."""

import base64
import json
import sys
import time

import httpx
import sound
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

address, key, recording = sys.argv[1:]
live = address.replace("http", "ws", 1)
headers = {"authorization": f"Bearer {key}"}
rate, samples = sound.read(recording)
pcm = samples.tobytes()
desk = httpx.Client(base_url=address, headers=headers)


def rest(socket):
    """Everything until the other side closes; the close code."""
    messages = []
    try:
        while True:
            messages.append(json.loads(socket.recv(timeout=60)))
    except ConnectionClosed as closed:
        return messages, closed.rcvd.code


# Allo's own protocol: the events come back on the same connection
with connect(f"{live}/v1/calls/stream", additional_headers=headers) as call:
    start = {"type": "start", "encoding": "pcm_s16le", "sample_rate": rate, "channels": ["caller"], "language": "en"}
    call.send(json.dumps(start))
    started = json.loads(call.recv(timeout=60))
    assert started["type"] == "call.started" and started["sequence"] == 1, started
    assert started["ingress"] == "websocket" and started["channels"] == ["caller"] and started["partials"], started
    identity = started["call"]
    assert [it["id"] for it in desk.get("/v1/calls").json()["calls"]] == [identity]
    frame = rate // 50 * 2
    for at in range(0, len(pcm), frame):
        call.send(pcm[at : at + frame])
    call.send(json.dumps({"type": "dtmf", "digit": "5"}))
    call.send(json.dumps({"type": "stop"}))
    events, code = rest(call)
assert code == 1000, code
events = [started, *events]
kinds = [event["type"] for event in events]
assert [event["sequence"] for event in events] == list(range(1, len(events) + 1)), kinds
assert kinds[-1] == "call.ended" and events[-1]["reason"] == "hung_up", events[-1]
assert "speech.started" in kinds and "transcript.final" in kinds and "dtmf" in kinds, kinds
final = events[kinds.index("transcript.final")]
assert len(final["text"].split()) >= 3 and final["words"] and final["channel"] == "caller", final

# The same events again, as a desk that comes late, or back
assert desk.get(f"/v1/calls/{identity}").json() == {"id": identity, "is_open": False, "events": len(events)}
with connect(f"{live}/v1/calls/{identity}/events?from=2", additional_headers=headers) as follower:
    again, code = rest(follower)
assert (again, code) == (events[1:], 1000), again
with desk.stream("GET", f"/v1/calls/{identity}/events", headers={"last-event-id": "1"}) as answer:
    assert answer.headers["content-type"] == "text/event-stream", answer.headers
    lines = list(answer.iter_lines())
assert [json.loads(line[5:]) for line in lines if line.startswith("data:")] == events[1:], lines
assert [line[3:].strip() for line in lines if line.startswith("id:")][0] == "2", lines
assert desk.get("/v1/calls/none").status_code == 404

# As a web page, which can show its key as a subprotocol only, and whose browser wants one of what it offers confirmed
page = {"subprotocols": ["token", key]}
with connect(f"{live}/v1/calls/{identity}/events?from=2", **page) as follower:
    assert follower.subprotocol == "token", follower.subprotocol
    assert rest(follower) == (events[1:], 1000)
with connect(f"{live}/v1/calls/stream", **page) as caller:
    assert caller.subprotocol == "token", caller.subprotocol

# What was said, from the store, whatever became of the events
transcript = desk.get(f"/v1/calls/{identity}/transcript")
assert transcript.headers["content-type"] == "application/json", transcript.headers
transcript = transcript.json()
last = [event["text"] for event in events if event["type"] == "transcript.final"][-1]
assert transcript["segments"][-1]["text"] == last and transcript["text"].endswith(last), transcript
assert transcript["channels"] == ["caller"] and transcript["duration"] > 1 and transcript["language"] == "en", transcript
assert desk.get("/v1/calls/none/transcript").status_code == 404
assert desk.get(f"/v1/calls/{identity}/events?from=x").json()["error"]["param"] == "from"

# Twilio, which can be given an address and nothing else
mulaw = sound.mulaw(sound.resampled(samples, rate, 8_000))
with connect(f"{live}/ingress/twilio/{key}") as call:
    call.send(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
    form = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    start = {"streamSid": "MZ1", "accountSid": "AC1", "callSid": "CA1", "tracks": ["inbound"], "mediaFormat": form}
    start["customParameters"] = {"language": "en"}
    call.send(json.dumps({"event": "start", "sequenceNumber": "1", "streamSid": "MZ1", "start": start}))
    for number, at in enumerate(range(0, len(mulaw), 160), 1):
        payload = base64.b64encode(mulaw[at : at + 160]).decode()
        media = {"track": "inbound", "chunk": str(number), "timestamp": str(number * 20), "payload": payload}
        call.send(json.dumps({"event": "media", "sequenceNumber": str(number + 1), "streamSid": "MZ1", "media": media}))
    # What was sent is taken in its own time.
    limit = time.monotonic() + 20
    while not (calls := desk.get("/v1/calls").json()["calls"]):
        assert time.monotonic() < limit, "no call"
        time.sleep(0.02)
    [running] = [it["id"] for it in calls]
    stop = {"accountSid": "AC1", "callSid": "CA1"}
    call.send(json.dumps({"event": "stop", "sequenceNumber": "9999", "streamSid": "MZ1", "stop": stop}))
    rest(call)
with connect(f"{live}/v1/calls/{running}/events", additional_headers=headers) as follower:
    told, _ = rest(follower)
assert told[0]["ingress"] == "twilio" and told[-1]["type"] == "call.ended", told
assert any(event["type"] == "transcript.final" for event in told), told
figures = desk.get("/metrics").text
assert 'allo_live_events_total{kind="call_opened"} 2' in figures, figures
assert 'allo_stage_duration_seconds_count{stage="final"}' in figures, figures

# Nobody without a key, and nothing that is no protocol
for path, options, status in (
    ("/ingress/twilio", {}, 401),
    ("/ingress/twilio/wrong", {}, 401),
    ("/v1/calls/stream", {}, 401),
    ("/ingress/nobody", {"additional_headers": headers}, 404),
):
    try:
        with connect(live + path, **options):
            raise AssertionError(f"{path} was taken")
    except InvalidStatus as refused:
        assert refused.response.status_code == status, (path, refused)

# What cannot be used is told, and the service goes on
with connect(f"{live}/v1/calls/stream", additional_headers=headers) as call:
    call.send('{"type":"start","encoding":"mp3","sample_rate":8000}')
    assert json.loads(call.recv(timeout=60))["type"] == "error"
assert desk.get("/readyz").status_code == 200
print("ok")
