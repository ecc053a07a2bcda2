"""HTTPS and WSS of `allo serve`: ADDRESS CERTIFICATE. The certificate is its own authority.

The WebSockets are those of asyncio: the ones with threads read and write one TLS connection at once, which Python takes
without a lock before 3.13, so that now and then a request never left.
"""

import asyncio
import base64
import json
import ssl
import sys

import httpx
import sound  # noqa: F401 (its alarm ends a test that hangs)
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

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


async def rest(line):
    """Everything until the other side closes; the close code."""
    messages = []
    try:
        while True:
            messages.append(json.loads(await asyncio.wait_for(line.recv(), 60)))
    except ConnectionClosed as closed:
        assert closed.rcvd, "cut off without a close frame"
        return messages, closed.rcvd.code


async def call_and_follower():
    """A call of Twilio, which speaks WSS and nothing else, and somebody who follows it."""
    try:
        async with connect(f"{live}/ingress/twilio"):
            raise AssertionError("an untrusted connection was made")
    except ssl.SSLCertVerificationError:
        pass
    async with connect(f"{live}/ingress/twilio", ssl=trusting) as call:
        form = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
        start = {"streamSid": "MZ1", "accountSid": "AC1", "callSid": "CA1", "tracks": ["inbound"], "mediaFormat": form}

        async def send(event, **what):
            await call.send(json.dumps({"event": event, "streamSid": "MZ1", **what}))

        await call.send(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
        await send("start", sequenceNumber="1", start=start)
        silence = base64.b64encode(b"\xff" * 160).decode()
        for number in range(1, 26):
            media = {"track": "inbound", "chunk": str(number), "timestamp": str(number * 20), "payload": silence}
            await send("media", sequenceNumber=str(number + 1), media=media)
        await send("dtmf", sequenceNumber="27", dtmf={"track": "inbound_track", "digit": "5"})
        # What was sent was worked on when this is answered.
        await asyncio.wait_for(await call.ping(), 60)
        [running] = [it["id"] for it in httpx.get(f"{address}/v1/calls", verify=trusting).json()["calls"]]
        async with connect(f"{live}/v1/calls/{running}/events", ssl=trusting) as follower:
            await send("stop", sequenceNumber="28", stop={"accountSid": "AC1", "callSid": "CA1"})
            assert await rest(call) == ([], 1000)
            return await rest(follower)


told, code = asyncio.run(call_and_follower())
assert [event["type"] for event in told] == ["call.started", "dtmf", "call.ended"] and code == 1000, told
assert told[0]["ingress"] == "twilio" and told[1]["digit"] == "5" and told[2]["reason"] == "hung_up", told
print("ok")
