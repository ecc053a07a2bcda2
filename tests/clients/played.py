"""Peers to which the bot speaks, each as its vendor plays: ADDRESS KEY SENTENCE (8 kHz WAV, French, some seconds).

Each hears the first text of the bot to its end and returns the marks when it has played what came before them, then speaks
into the second text: what empties its buffer has to come, and the text has to be told as not heard to its end.
All of them call at once.
"""

import array
import base64
import json
import sys
import threading
import time

import httpx
import sound
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

address, key, sentence = sys.argv[1:]
live = address.replace("http", "ws", 1)
headers = {"authorization": f"Bearer {key}"}
desk = httpx.Client(base_url=address, headers=headers)
RATE, FRAME_S, LOUD = 8_000, 0.02, 1_000
# Behind the mark: a peer that reports nothing is waited for ten seconds.
REPORTED_WITHIN_S = 5
# Behind the end of the first text: the second has begun then.
SPEAK_AFTER_S = 0.5
# What may have been on its way when the buffer was emptied, and how long nothing may follow.
ON_ITS_WAY_S, SILENT_S = 0.25, 0.5

rate, samples = sound.read(sentence)
assert rate == RATE, rate
LINEAR = sound.frames(samples.tobytes(), 320)
MULAW = sound.frames(sound.mulaw(samples), 160)


def magnitude(code):
    """How loud a sample of G.711 µ-law is."""
    bits = ~code & 0x7F
    return (((bits & 0x0F) << 3) + 132 << (bits >> 4)) - 132


class Peer(threading.Thread):
    """One call. What comes is taken apart by `hear` into sounds (bytes), marks (names) and clears (`None`)."""

    path = subprotocol = ingress = None
    speech, silence, sample_bytes = LINEAR, b"\0" * 320, 2
    # Whether the peer reports ends, and whether by the names that the events have.
    returns_marks = has_names = True

    def __init__(self):
        super().__init__(daemon=True)
        self.lock = threading.Lock()
        self.events, self.sounds, self.clears, self.returned = [], [], [], []
        self.loudest, self.played_until, self.waiting = 0, 0.0, []
        self.call = self.failure = None

    def frame(self, number, frame):
        return frame

    def returned_as(self, name):
        """What is sent when a mark is reached."""
        raise NotImplementedError

    def cleared(self, names):
        """What is sent when the buffer was emptied in which these marks were."""
        return []

    def open(self):
        protocols = [self.subprotocol] if self.subprotocol else None
        self.line = connect(f"{live}/ingress/{self.path}/{key}", subprotocols=protocols)
        for message in self.begin():
            self.tell(message)

    def tell(self, message):
        self.line.send(json.dumps(message) if isinstance(message, dict) else message)

    def follow(self):
        try:
            with connect(f"{live}/v1/calls/{self.call}/events", additional_headers=headers) as follower:
                for message in follower:
                    self.events.append((time.monotonic(), json.loads(message)))
        except ConnectionClosed:
            pass

    def listen(self):
        try:
            for message in self.line:
                for heard in self.hear(message):
                    self.take(heard)
        except ConnectionClosed:
            pass

    def take(self, heard):
        now, answers = time.monotonic(), []
        with self.lock:
            self.played_until = max(now, self.played_until)
            if isinstance(heard, bytes):
                self.played_until += len(heard) / self.sample_bytes / RATE
                self.sounds.append(now)
                loud = map(abs, array.array("h", heard)) if self.sample_bytes == 2 else map(magnitude, heard)
                self.loudest = max(self.loudest, max(loud, default=0))
            elif heard is None:
                answers = self.cleared([name for _, name in self.waiting])
                self.clears.append(now)
                self.played_until, self.waiting = now, []
            else:
                self.waiting.append((self.played_until, heard))
        for answer in answers:
            self.tell(answer)

    def return_marks(self, now):
        with self.lock:
            due = [name for at, name in self.waiting if at <= now]
            self.waiting = [(at, name) for at, name in self.waiting if at > now]
            self.returned += [(now, name) for name in due]
        for name in due:
            self.tell(self.returned_as(name))

    def event(self, kind, **fields):
        """The first such event, and when it came."""
        for at, event in list(self.events):
            if event["type"] == kind and all(event.get(name) == value for name, value in fields.items()):
                return at, event
        return None

    def run(self):
        followers = [threading.Thread(target=it, daemon=True) for it in (self.follow, self.listen)]
        for it in followers:
            it.start()
        try:
            with self.line:
                self.converse()
            for it in followers:
                it.join(60)
            self.check()
        except Exception as failure:
            self.failure = failure

    def converse(self):
        """Sends a frame every 20 ms, until it has interrupted the bot."""
        began, number, speech = time.monotonic(), 0, iter(())
        has_spoken = False
        while not self.is_done(time.monotonic()):
            number += 1
            time.sleep(max(0.0, began + FRAME_S * number - time.monotonic()))
            now = time.monotonic()
            assert now - began < 90, self.story()
            self.tell(self.frame(number, next(speech, self.silence)))
            self.return_marks(now)
            heard = self.event("playback.finished", completed=True)
            if heard and now > heard[0] + SPEAK_AFTER_S and not has_spoken:
                speech, has_spoken = iter(self.speech), True

    def story(self):
        kinds = [(event["type"], event.get("mark"), event.get("completed")) for _, event in self.events]
        return f"events {kinds}, buffer emptied at {self.clears}, marks returned {self.returned}"

    def is_done(self, now):
        told = self.event("interrupted") and self.event("playback.finished", completed=False)
        return told and self.clears and now > self.clears[0] + SILENT_S

    def check(self):
        told = [event for _, event in self.events]
        assert told[0]["type"] == "call.started" and told[0]["ingress"] == self.ingress, told[0]
        assert told[-1]["type"] == "call.ended" and told[-1]["reason"] == "disconnected", told[-1]
        texts = {event["mark"]: event["text"] for event in told if event["type"] == "bot.said"}
        first, second = list(texts)[:2]
        assert "enregistré" in texts[first], texts
        assert self.loudest > LOUD, self.loudest
        heard, _ = self.event("playback.finished", mark=first, completed=True)
        if self.returns_marks:
            marks = [at for at, name in self.returned if at <= heard and (not self.has_names or name == first)]
            assert marks and heard - marks[-1] < REPORTED_WITHIN_S, (heard, self.returned)
        else:
            assert not self.returned, self.returned
        assert self.event("interrupted")[1]["channel"] == "caller"
        assert self.event("playback.finished", completed=False)[1]["mark"] == second, told
        late = [at - self.clears[0] for at in self.sounds if at > self.clears[0] + ON_ITS_WAY_S]
        assert not late, late


class Twilio(Peer):
    path, ingress = "twilio", "twilio"
    speech, silence, sample_bytes = MULAW, b"\xff" * 160, 1

    def begin(self):
        form = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
        start = {"streamSid": "MZ1", "accountSid": "AC1", "callSid": "CA1", "tracks": ["inbound"], "mediaFormat": form}
        start["customParameters"] = {"language": "fr", "caller": "+33100000001"}
        yield {"event": "connected", "protocol": "Call", "version": "1.0.0"}
        yield {"event": "start", "sequenceNumber": "1", "streamSid": "MZ1", "start": start}

    def frame(self, number, frame):
        payload = base64.b64encode(frame).decode()
        media = {"track": "inbound", "chunk": str(number), "timestamp": str(number * 20), "payload": payload}
        return {"event": "media", "sequenceNumber": str(number + 1), "streamSid": "MZ1", "media": media}

    def hear(self, message):
        told = json.loads(message)
        assert told["streamSid"] == "MZ1", told
        match told["event"]:
            case "media":
                yield base64.b64decode(told["media"]["payload"])
            case "mark":
                yield told["mark"]["name"]
            case "clear":
                yield None

    def returned_as(self, name):
        return {"event": "mark", "sequenceNumber": "9", "streamSid": "MZ1", "mark": {"name": name}}

    def cleared(self, names):
        # They come back as if they had been reached.
        return [self.returned_as(name) for name in names]


class Telnyx(Twilio):
    path, ingress = "telnyx", "telnyx"

    def begin(self):
        form = {"encoding": "PCMU", "sample_rate": 8000, "channels": 1}
        start = {"call_control_id": "v2:c1", "from": "+33100000001", "to": "+33100000003", "media_format": form}
        start["custom_parameters"] = {"language": "fr"}
        yield {"event": "connected", "version": "1.0.0"}
        yield {"event": "start", "sequence_number": "1", "stream_id": "32de", "start": start}

    def frame(self, number, frame):
        payload = base64.b64encode(frame).decode()
        media = {"track": "inbound", "chunk": str(number), "timestamp": str(number * 20), "payload": payload}
        return {"event": "media", "sequence_number": str(number + 1), "stream_id": "32de", "media": media}

    def hear(self, message):
        return super().hear(json.dumps(json.loads(message) | {"streamSid": "MZ1"}))

    def returned_as(self, name):
        return {"event": "mark", "sequence_number": "9", "stream_id": "32de", "mark": {"name": name}}


class Vonage(Peer):
    path, ingress = "vonage", "vonage"

    def begin(self):
        yield {"event": "websocket:connected", "content-type": "audio/l16;rate=8000", "language": "fr", "uuid": "v-1"}

    def hear(self, message):
        if isinstance(message, bytes):
            yield message
            return
        told = json.loads(message)
        match told["action"]:
            case "notify":
                yield told["payload"]["mark"]
            case "clear":
                yield None

    def returned_as(self, name):
        return {"event": "websocket:notify", "payload": {"mark": name}}

    def cleared(self, names):
        return [{"event": "websocket:cleared"}]


class Jambonz(Peer):
    """Audio streams both ways."""

    path, subprotocol, ingress = "jambonz", "audio.jambonz.org", "jambonz"
    playback = "streaming"

    def begin(self):
        start = {"callSid": "j-1", "direction": "inbound", "from": "+33100000001", "to": "+33100000003"}
        yield {**start, "sampleRate": 8000, "mixType": "mono", "metadata": {"language": "fr", "playback": self.playback}}

    def hear(self, message):
        if isinstance(message, bytes):
            assert self.playback == "streaming", "sound in a binary message"
            yield message
            return
        told = json.loads(message)
        match told["type"]:
            case "mark":
                yield told["data"]["name"]
            case "killAudio":
                yield None
            case "playAudio":
                assert self.playback == "files" and told["data"]["sampleRate"] == "8000", told
                yield base64.b64decode(told["data"]["audioContent"])
                yield "playDone"

    def returned_as(self, name):
        return {"type": "mark", "data": {"name": name, "event": "playout"}}

    def cleared(self, names):
        return [{"type": "mark", "data": {"name": name, "event": "cleared"}} for name in names]


class JambonzFiles(Jambonz):
    """Prompts come whole, and their ends are told in order and without names."""

    playback, has_names = "files", False

    def returned_as(self, name):
        return {"type": "playDone"}

    def cleared(self, names):
        return []


class AudioFork(Peer):
    """FreeSWITCH, mod_audio_fork: a script plays the prompts, and nobody tells when they have ended."""

    path, subprotocol, ingress = "freeswitch-fork", "audio.drachtio.org", "freeswitch-fork"
    kind, content, returns_marks = "playAudio", "audioContent", False

    def begin(self):
        yield {"sampleRate": 8000, "mixType": "mono", "language": "fr", "uuid": "fs-1", "from": "+33100000001"}

    def hear(self, message):
        told = json.loads(message)
        if told["type"] == self.kind:
            assert told["data"]["sampleRate"] == RATE, told["data"]["sampleRate"]
            yield base64.b64decode(told["data"][self.content])
        elif told["type"] == "killAudio":
            yield None


class AudioStream(AudioFork):
    """FreeSWITCH, mod_audio_stream."""

    path, subprotocol, ingress = "freeswitch", None, "freeswitch-stream"
    kind, content = "streamAudio", "audioData"


class ChanWebsocket(Peer):
    """Asterisk, plain text control, which has no marks: the end of what was buffered is told."""

    path, subprotocol, ingress, has_names = "asterisk", "media", "asterisk-websocket", False
    speech, silence, sample_bytes = MULAW, b"\xff" * 160, 1

    def begin(self):
        start = "MEDIA_START connection_id:c-1 channel:WebSocket/c channel_id:pbx1-1.9"
        yield f"{start} format:ulaw optimal_frame_size:160 ptime:20"

    def hear(self, message):
        if isinstance(message, bytes):
            yield message
            return
        match message.split():
            case ["STOP_MEDIA_BUFFERING", name]:
                yield name
            case ["FLUSH_MEDIA"]:
                yield None
            case command:
                assert command[0] in ("START_MEDIA_BUFFERING", "STOP_MEDIA_BUFFERING"), command

    def returned_as(self, name):
        return f"MEDIA_BUFFERING_COMPLETED {name}"


class ChanWebsocketJson(ChanWebsocket):
    """Asterisk, control as JSON, which has marks."""

    speech, silence, sample_bytes = LINEAR, b"\0" * 320, 2

    def begin(self):
        start = {"event": "MEDIA_START", "connection_id": "c-1", "channel": "WebSocket/c", "channel_id": "pbx1-1.10"}
        variables = {"language": "fr"}
        yield {**start, "format": "slin", "optimal_frame_size": 320, "ptime": 20, "channel_variables": variables}

    def hear(self, message):
        if isinstance(message, bytes):
            yield message
            return
        told = json.loads(message)
        match told["command"]:
            case "MARK_MEDIA":
                yield told["correlation_id"]
            case "FLUSH_MEDIA":
                yield None

    def returned_as(self, name):
        return {"event": "MEDIA_MARK_PROCESSED", "channel_id": "pbx1-1.10", "correlation_id": name}


def newcomer(known):
    """The call that has come since."""
    limit = time.monotonic() + 30
    while not (new := {it["id"] for it in desk.get("/v1/calls").json()["calls"]} - known):
        assert time.monotonic() < limit, "no call"
        time.sleep(0.02)
    [call] = new
    known.add(call)
    return call


calls = {it["id"] for it in desk.get("/v1/calls").json()["calls"]}
peers = [
    Twilio(),
    Telnyx(),
    Vonage(),
    Jambonz(),
    JambonzFiles(),
    AudioFork(),
    AudioStream(),
    ChanWebsocket(),
    ChanWebsocketJson(),
]
for peer in peers:
    peer.open()
    peer.call = newcomer(calls)
    peer.start()
for peer in peers:
    peer.join()
failures = {type(peer).__name__: repr(peer.failure) for peer in peers if peer.failure}
assert not failures, failures
print("ok")
