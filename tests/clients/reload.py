"""A scenario that changes under a running service: ADDRESS KEY FOLDER told PROCESS, or ADDRESS KEY FOLDER watched."""

import contextlib
import json
import os
import signal
import sys
import time
from pathlib import Path

import httpx
import sound  # noqa: F401  (it ends a test that hangs)
from websockets.sync.client import connect

address, key, folder, how = sys.argv[1:5]
headers = {"authorization": f"Bearer {key}"}
scenario, messages = Path(folder) / "scenario.toml", Path(folder) / "messages.toml"
original = scenario.read_text(encoding="utf-8")
service = httpx.Client(base_url=address, headers=headers, timeout=60)


def edition(number):
    text = original.replace('fr = "Laboratoire Valmire, bonjour.', f'fr = "Édition {number}, bonjour.')
    assert text != original
    # Written beside and renamed, as whoever edits a running scenario should.
    for path, content in ((messages, f'ask_again = {{ fr = "Message {number}." }}\n'), (scenario, text)):
        part = path.with_suffix(".part")
        part.write_text(content, encoding="utf-8")
        os.replace(part, path)


@contextlib.contextmanager
def call():
    with connect(address.replace("http", "ws", 1) + "/v1/calls/stream", additional_headers=headers) as line:
        start = {"type": "start", "encoding": "pcm_s16le", "sample_rate": 8_000, "language": "fr", "playback": True}
        line.send(json.dumps(start))
        yield line
        line.send(json.dumps({"type": "stop"}))
        until(line, lambda event: event["type"] == "call.ended")


def until(line, wanted):
    while True:
        message = line.recv(timeout=60)
        if isinstance(message, str) and wanted(event := json.loads(message)):
            return event


def says(line, words):
    until(line, lambda event: event["type"] == "bot.said" and words in event["text"])


def greeting():
    with call() as line:
        return until(line, lambda event: event["type"] == "bot.said" and "bonjour" in event["text"])["text"]


if how == "watched":
    before = greeting()
    edition(7)
    limit = time.monotonic() + 60
    while (now := greeting()) == before:
        assert time.monotonic() < limit, now
        time.sleep(0.5)
    assert now.startswith("Édition 7"), now
    print("ok")
    sys.exit()

with call() as old:
    says(old, "Laboratoire Valmire")
    edition(2)
    answer = service.post("/v1/scenario/reload")
    assert answer.status_code == 200 and answer.json()["changed"] is True, answer.text
    assert service.post("/v1/scenario/reload").json()["changed"] is False
    with call() as new:
        says(new, "Édition 2")
        new.send(json.dumps({"type": "dtmf", "digit": "9"}))
        says(new, "Message 2.")
    # The call that was under way goes on in the words that it began with.
    old.send(json.dumps({"type": "dtmf", "digit": "9"}))
    says(old, "je n'ai pas bien compris")

scenario.write_text(original.replace('horaires = "accueil"', 'horaires = "personne"'), encoding="utf-8")
refused = service.post("/v1/scenario/reload")
assert refused.status_code == 422, refused.text
assert "scenario.toml" in refused.json()["error"]["message"] and "personne" in refused.json()["error"]["message"]
assert greeting().startswith("Édition 2"), "the one before stays"

edition(3)
os.kill(int(sys.argv[5]), signal.SIGHUP)
limit = time.monotonic() + 60
while not greeting().startswith("Édition 3"):
    assert time.monotonic() < limit, "nobody took the new one"
    time.sleep(0.2)
print("ok")
