"""A caller whom the bot answers: ADDRESS KEY QUESTION HUMAN REASON NAME (8 kHz WAV each) [tcp://HOST:PORT].

QUESTION asks whether the product NAME is available, HUMAN asks for a person, REASON says why. Prints how long the caller
waited for the decision and for the first sound. With a fourth address the same call comes over AudioSocket.
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

address, key, question, human, reason, name = sys.argv[1:7]
live = address.replace("http", "ws", 1)
headers = {"authorization": f"Bearer {key}"}
FRAME_S, FRAME_BYTES, LOUD = 0.02, 320, 500


class Sender(threading.Thread):
    """Sends a frame every 20 ms: what is to be spoken, else the silence of a line."""

    def __init__(self, send):
        super().__init__(daemon=True)
        self.send, self.waiting, self.lock, self.is_over = send, [], threading.Lock(), False
        self.spoken = threading.Event()

    def speak(self, path):
        """Speaks; gives the moment when the last sound left."""
        rate, samples = sound.read(path)
        assert rate == 8_000, rate
        loud = [at for at, sample in enumerate(samples) if abs(sample) > LOUD]
        samples = samples[: loud[-1] + 1]
        self.spoken.clear()
        with self.lock:
            self.waiting = sound.frames(samples.tobytes(), FRAME_BYTES)
        assert self.spoken.wait(60)
        return time.monotonic()

    def run(self):
        began, number = time.monotonic(), 0
        while not self.is_over:
            number += 1
            time.sleep(max(0.0, began + FRAME_S * number - time.monotonic()))
            with self.lock:
                frame = self.waiting.pop(0) if self.waiting else b"\0" * FRAME_BYTES
                is_last = not self.waiting
            try:
                self.send(frame)
            except (ConnectionClosed, OSError):
                return
            if is_last:
                self.spoken.set()


class Hearing:
    """What comes back: events with the moment when they came, and the moments of frames that can be heard."""

    def __init__(self):
        self.events, self.loud, self.changed, self.is_closed = [], [], threading.Condition(), False

    def event(self, event):
        with self.changed:
            self.events.append((time.monotonic(), event))
            self.changed.notify_all()

    def sound(self, frame):
        samples = struct.unpack(f"<{len(frame) // 2}h", frame)
        if max(map(abs, samples)) > LOUD:
            with self.changed:
                self.loud.append(time.monotonic())
                self.changed.notify_all()

    def closed(self):
        with self.changed:
            self.is_closed = True
            self.changed.notify_all()

    def until(self, wanted, after=0.0):
        """The first event for which `wanted` is true, and its moment."""
        limit = time.monotonic() + 90
        with self.changed:
            while True:
                for at, event in self.events:
                    if at > after and wanted(event):
                        return at, event
                kinds = [(event["type"], event.get("text"), event.get("rule")) for _, event in self.events]
                assert self.changed.wait(limit - time.monotonic()), kinds

    def first_sound(self, after):
        limit = time.monotonic() + 30
        with self.changed:
            while not any(at > after for at in self.loud):
                assert self.changed.wait(limit - time.monotonic()), "nothing was heard"
        return min(at for at in self.loud if at > after)


def is_of(kind, **fields):
    return lambda event: event["type"] == kind and all(event.get(name) == value for name, value in fields.items())


def end_of_speech(hearing, after):
    """Waits until the bot has said everything that it has to say for now."""
    while True:
        at, said = hearing.until(is_of("bot.said"), after)
        hearing.until(is_of("playback.finished", mark=said["mark"]), after)
        time.sleep(0.8)
        later = [when for when, event in hearing.events if event["type"] == "bot.said" and when > at]
        if not later:
            return time.monotonic()
        after = at


def converse(sender, hearing, way):
    started, _ = hearing.until(is_of("call.started"))
    _, greeting = hearing.until(is_of("bot.said"))
    assert "enregistré" in greeting["text"], greeting
    hearing.first_sound(started)
    heard = end_of_speech(hearing, started)

    asked = sender.speak(question)
    decided, decision = hearing.until(lambda event: event["type"] == "turn.decided" and event["input"] == "sentence", heard)
    spoke = hearing.first_sound(asked)
    final_at, final = hearing.until(is_of("transcript.final"), heard)
    assert decision["wishes"][0]["candidates"][0]["intent"] == "disponibilite_produit", (final["text"], decision)
    assert decision["rule"] == "answered", (final["text"], decision)
    _, answer = hearing.until(lambda event: event["type"] == "bot.said" and name in event["text"], asked)
    assert "en stock" in answer["text"], answer
    print(
        f"{way}: end of speech → final {1000 * (final_at - asked):.0f} ms (its own latency "
        f"{1000 * final['latency']:.0f}), → decision {1000 * (decided - asked):.0f} ms, → first sound "
        f"{1000 * (spoke - asked):.0f} ms; text → decision {1000 * (decided - final_at):.0f} ms",
        file=sys.stderr,
    )
    heard = end_of_speech(hearing, asked)

    asked = sender.speak(human)
    _, decision = hearing.until(is_of("turn.decided", input="sentence"), heard)
    assert decision["rule"] == "wants_human", decision
    heard = end_of_speech(hearing, asked)
    asked = sender.speak(reason)
    _, handover = hearing.until(is_of("call.handed_over"), heard)
    return handover


def check_handover(handover):
    assert handover["queue"] and handover["route_label"], handover
    assert handover["scenario"] == "pharma-fr" and handover["caller_number"] == "01 99 00 12 37", handover
    assert handover["customer"].get("name") == "Pharmacie des Trois Tilleuls", handover
    assert handover["document"].get("name") == name, handover


def over_websocket():
    hearing = Hearing()
    with connect(f"{live}/v1/calls/stream?bot=true", additional_headers=headers) as call:
        start = {"type": "start", "encoding": "pcm_s16le", "sample_rate": 8_000, "language": "fr", "playback": True}
        call.send(json.dumps({**start, "caller": "01 99 00 12 37"}))

        def listen():
            try:
                for message in call:
                    if isinstance(message, bytes):
                        hearing.sound(message)
                    else:
                        hearing.event(json.loads(message))
            except ConnectionClosed:
                pass
            hearing.closed()

        threading.Thread(target=listen, daemon=True).start()
        sender = Sender(call.send)
        sender.start()
        handover = converse(sender, hearing, "websocket")
        check_handover(handover)
        at, transfer = hearing.until(is_of("transfer"))
        assert transfer["target"] == handover["queue"], transfer
        order = [event["type"] for _, event in hearing.events]
        assert order.index("call.handed_over") < order.index("transfer"), order
        sender.is_over = True
        call.send(json.dumps({"type": "stop"}))
        _, ended = hearing.until(is_of("call.ended"))
        assert ended["reason"] == "hung_up", ended
    return ended["call"]


def over_audiosocket(peer):
    host, port = peer.removeprefix("tcp://").rsplit(":", 1)
    hearing = Hearing()
    desk = httpx.Client(base_url=address, headers=headers)
    with socket.create_connection((host, int(port))) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def exactly(count):
            read = b""
            while len(read) < count:
                piece = line.recv(count - len(read))
                if not piece:
                    raise ConnectionError
                read += piece
            return read

        def listen():
            try:
                while True:
                    kind, length = struct.unpack(">BH", exactly(3))
                    payload = exactly(length)
                    if kind == 0x10:
                        hearing.sound(payload)
            except OSError:
                hearing.closed()

        def follow(identity):
            try:
                with connect(f"{live}/v1/calls/{identity}/events", additional_headers=headers) as follower:
                    for message in follower:
                        hearing.event(json.loads(message))
            except ConnectionClosed:
                pass

        line.sendall(struct.pack(">BH", 0x01, 16) + uuid.uuid4().bytes)
        sender = Sender(lambda pcm: line.sendall(struct.pack(">BH", 0x10, len(pcm)) + pcm))
        sender.start()
        threading.Thread(target=listen, daemon=True).start()
        limit = time.monotonic() + 30
        while not (calls := desk.get("/v1/calls").json()["calls"]):
            assert time.monotonic() < limit, "no call"
            time.sleep(0.02)
        threading.Thread(target=follow, args=(calls[0]["id"],), daemon=True).start()
        converse(sender, hearing, "audiosocket")
        # AudioSocket cannot transfer: the stream ends, and the dialplan goes on.
        _, ended = hearing.until(is_of("call.ended"))
        assert ended["reason"] == "stopped", ended
        with hearing.changed:
            assert hearing.is_closed or hearing.changed.wait_for(lambda: hearing.is_closed, 10), "it is still open"


identity = over_websocket()
if len(sys.argv) > 7:
    over_audiosocket(sys.argv[7])
print(identity)
