"""The WebSockets of PBXs and platforms, each as it speaks itself: ADDRESS KEY RECORDING (16 kHz WAV, English)."""

import array
import base64
import json
import sys
import time

import httpx
import sound
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

address, key, recording = sys.argv[1:]
live = address.replace("http", "ws", 1)
headers = {"authorization": f"Bearer {key}"}
desk = httpx.Client(base_url=address, headers=headers)
wide_rate, wide = sound.read(recording)
narrow = sound.resampled(wide, wide_rate, 8_000)


def stereo(samples):
    """The caller left, an agent who says nothing right."""
    both = array.array("h", bytes(len(samples) * 4))
    both[::2] = samples
    return both


class Telnyx:
    path, subprotocol, ingress, end = "telnyx", None, "telnyx", "hung_up"
    frames = sound.frames(sound.mulaw(narrow), 160)

    def begin(self):
        form = {"encoding": "PCMU", "sample_rate": 8000, "channels": 1}
        start = {"call_control_id": "v2:c1", "from": "+33100000001", "to": "+33100000003", "media_format": form}
        start["custom_parameters"] = {"language": "en"}
        yield {"event": "connected", "version": "1.0.0"}
        yield {"event": "start", "sequence_number": "1", "stream_id": "32de", "start": start}

    def frame(self, number, frame):
        payload = base64.b64encode(frame).decode()
        media = {"track": "inbound", "chunk": str(number + 1), "timestamp": str(number * 20), "payload": payload}
        return {"event": "media", "sequence_number": str(number + 2), "stream_id": "32de", "media": media}

    def key(self):
        return {"event": "dtmf", "stream_id": "32de", "sequence_number": "9999", "dtmf": {"digit": "5"}}

    def stop(self):
        return {"event": "stop", "stream_id": "32de", "stop": {"call_control_id": "v2:c1"}}


class Vonage:
    path, subprotocol, ingress, end = "vonage", None, "vonage", "disconnected"
    frames = sound.frames(wide.tobytes(), 640)

    def begin(self):
        yield {"event": "websocket:connected", "content-type": "audio/l16;rate=16000", "language": "en", "uuid": "v-1"}

    def frame(self, number, frame):
        return frame

    def key(self):
        return {"event": "websocket:dtmf", "digit": "5", "duration": 260}

    stop = None


class Jambonz:
    path, subprotocol, ingress, end = "jambonz", "audio.jambonz.org", "jambonz", "disconnected"
    frames = sound.frames(stereo(narrow).tobytes(), 640)

    def begin(self):
        metadata = {"language": "en", "queue": "sales"}
        start = {"callSid": "j-1", "direction": "inbound", "from": "+33100000001", "to": "+33100000003"}
        yield {**start, "sampleRate": 8000, "mixType": "stereo", "metadata": metadata}

    frame = Vonage.frame

    def key(self):
        return {"event": "dtmf", "dtmf": "5", "duration": "1600"}

    stop = None


class AudioStream:
    """FreeSWITCH, mod_audio_stream."""

    path, subprotocol, ingress, end = "freeswitch", None, "freeswitch-stream", "disconnected"
    frames = sound.frames(stereo(wide).tobytes(), 1_280)

    def begin(self):
        yield {"sampleRate": 16000, "mixType": "stereo", "language": "en", "uuid": "fs-1", "from": "1001"}

    frame = Vonage.frame

    def key(self):
        return {"event": "dtmf", "dtmf": "5"}

    stop = None


class AudioFork(AudioStream):
    """FreeSWITCH, mod_audio_fork."""

    path, subprotocol, ingress = "freeswitch-fork", "audio.drachtio.org", "freeswitch-fork"


class ChanWebsocket:
    """Asterisk, plain text control."""

    path, subprotocol, ingress, end = "asterisk", "media", "asterisk-websocket", "disconnected"
    frames = sound.frames(sound.mulaw(narrow), 160)

    def begin(self):
        yield "MEDIA_START connection_id:c-1 channel:WebSocket/c channel_id:pbx1-1.9 format:ulaw optimal_frame_size:160 ptime:20"

    frame = Vonage.frame

    def key(self):
        return "DTMF_END channel_id:pbx1-1.9 digit:5"

    stop = None


class ChanWebsocketJson(ChanWebsocket):
    """Asterisk, control as JSON, 16 kHz."""

    frames = sound.frames(wide.tobytes(), 640)

    def begin(self):
        start = {"event": "MEDIA_START", "connection_id": "c-1", "channel": "WebSocket/c", "channel_id": "pbx1-1.10"}
        variables = {"language": "en"}
        yield {**start, "format": "slin16", "optimal_frame_size": 640, "ptime": 20, "channel_variables": variables}

    def key(self):
        return {"event": "DTMF_END", "channel_id": "pbx1-1.10", "digit": "5"}


def sent(message):
    return json.dumps(message) if isinstance(message, dict) else message


def events_of(call):
    """Everything that becomes known of a call, to its end."""
    messages = []
    with connect(f"{live}/v1/calls/{call}/events", additional_headers=headers) as follower:
        try:
            while True:
                messages.append(json.loads(follower.recv(timeout=60)))
        except ConnectionClosed:
            return messages


def play(peer):
    protocols = [peer.subprotocol] if peer.subprotocol else None
    with connect(f"{live}/ingress/{peer.path}/{key}", subprotocols=protocols) as socket:
        assert socket.subprotocol == peer.subprotocol, socket.subprotocol
        for message in peer.begin():
            socket.send(sent(message))
        for number, frame in enumerate(peer.frames):
            socket.send(sent(peer.frame(number, frame)))
            # Faster than speech, slower than what would make room.
            time.sleep(0.005)
        socket.send(sent(peer.key()))
        [call] = [it["id"] for it in desk.get("/v1/calls").json()["calls"]]
        if peer.stop:
            socket.send(sent(peer.stop()))
            try:
                while True:
                    socket.recv(timeout=60)
            except ConnectionClosed:
                pass
    return events_of(call)


for peer in (Telnyx(), Vonage(), Jambonz(), AudioStream(), AudioFork(), ChanWebsocket(), ChanWebsocketJson()):
    told = play(peer)
    name = type(peer).__name__
    kinds = [event["type"] for event in told]
    assert told[0]["type"] == "call.started" and told[0]["ingress"] == peer.ingress, (name, told[0])
    assert told[-1]["type"] == "call.ended" and told[-1]["reason"] == peer.end, (name, told[-1])
    said = " ".join(event["text"] for event in told if event["type"] == "transcript.final")
    assert len(said.split()) >= 3, (name, told)
    assert all(event["channel"] == "caller" for event in told if event["type"] == "transcript.final"), (name, told)
    assert [event["digit"] for event in told if event["type"] == "dtmf"] == ["5"], (name, kinds)
    assert "gap" not in kinds, (name, told)
    assert desk.get("/v1/calls").json() == {"calls": []}, name
print("ok")
