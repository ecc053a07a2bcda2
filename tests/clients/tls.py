"""HTTPS and WSS of `allo serve`: ADDRESS CERTIFICATE. The certificate is its own authority."""

import base64
import json
import ssl
import sys

import httpx
import sound  # noqa: F401 (its alarm ends a test that hangs)
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

address, certificate = sys.argv[1:]
live = address.replace("http", "ws", 1)
trusting = ssl.create_default_context(cafile=certificate)
answer = httpx.get(f"{address}/healthz", verify=trusting)
assert answer.status_code == 200 and answer.json()["status"] == "ok", answer
for wrong in (lambda: httpx.get(f"{address}/healthz"), lambda: httpx.get(address.replace("https", "http"))):
    try:
        wrong()
        raise AssertionError("an untrusted or unencrypted connection was made")
    except httpx.TransportError:
        pass
try:
    connect(f"{live}/ingress/twilio")
    raise AssertionError("an untrusted connection was made")
except ssl.SSLCertVerificationError:
    pass


def rest(line):
    """Everything until the other side closes; the close code."""
    messages = []
    try:
        while True:
            messages.append(json.loads(line.recv(timeout=60)))
    except ConnectionClosed as closed:
        assert closed.rcvd, "cut off without a close frame"
        return messages, closed.rcvd.code


# A call of Twilio, which speaks WSS and nothing else, and somebody who follows it
with connect(f"{live}/ingress/twilio", ssl=trusting) as call:
    form = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    start = {"streamSid": "MZ1", "accountSid": "AC1", "callSid": "CA1", "tracks": ["inbound"], "mediaFormat": form}
    call.send(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
    call.send(json.dumps({"event": "start", "sequenceNumber": "1", "streamSid": "MZ1", "start": start}))
    silence = base64.b64encode(b"\xff" * 160).decode()
    for number in range(1, 26):
        media = {"track": "inbound", "chunk": str(number), "timestamp": str(number * 20), "payload": silence}
        call.send(json.dumps({"event": "media", "sequenceNumber": str(number + 1), "streamSid": "MZ1", "media": media}))
    key = {"track": "inbound_track", "digit": "5"}
    call.send(json.dumps({"event": "dtmf", "sequenceNumber": "27", "streamSid": "MZ1", "dtmf": key}))
    # What was sent was worked on when this is answered.
    assert call.ping().wait(60), "no pong"
    [running] = [it["id"] for it in httpx.get(f"{address}/v1/calls", verify=trusting).json()["calls"]]
    with connect(f"{live}/v1/calls/{running}/events", ssl=trusting) as follower:
        stop = {"accountSid": "AC1", "callSid": "CA1"}
        call.send(json.dumps({"event": "stop", "sequenceNumber": "28", "streamSid": "MZ1", "stop": stop}))
        assert rest(call) == ([], 1000)
        told, code = rest(follower)
assert [event["type"] for event in told] == ["call.started", "dtmf", "call.ended"] and code == 1000, told
assert told[0]["ingress"] == "twilio" and told[1]["digit"] == "5" and told[2]["reason"] == "hung_up", told
print("ok")
