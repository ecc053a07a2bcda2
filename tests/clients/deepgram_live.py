"""The official Deepgram client against `allo serve`: ADDRESS KEY RECORDING (16 kHz WAV)."""

import sys

from deepgram import DeepgramClient
from deepgram.environment import DeepgramClientEnvironment

import sound

address, key, recording = sys.argv[1:]
live = address.replace("http", "ws", 1)
environment = DeepgramClientEnvironment(base=address, production=live, agent=live, agent_rest=address)
client = DeepgramClient(api_key=key, environment=environment)
rate, samples = sound.read(recording)
pcm = samples.tobytes()
silence = b"\0" * (rate * 2 * 2)
usual = dict(model="nova-3", encoding="linear16", sample_rate=rate, language="en")


def listen(audio, finalize=False, **options):
    """Sends all of it, ends the stream; what came back."""
    with client.listen.v1.connect(**{**usual, **options}) as connection:
        for at in range(0, len(audio), 3_200):
            connection.send_media(audio[at : at + 3_200])
        connection.send_keep_alive()
        if finalize:
            connection.send_finalize()
        connection.send_close_stream()
        return list(connection)


def finals(messages):
    return [it for it in messages if it.type == "Results" and it.is_final]


def text(messages):
    return " ".join(it.channel.alternatives[0].transcript for it in finals(messages)).strip()


# A turn, its events, and the end
messages = listen(
    pcm + silence, interim_results=True, vad_events=True, utterance_end_ms=1000, endpointing=700, punctuate=True
)
kinds = [message.type for message in messages]
assert kinds[-1] == "Metadata", kinds
assert "SpeechStarted" in kinds and "UtteranceEnd" in kinds, kinds
assert kinds.index("SpeechStarted") < kinds.index("Results"), kinds
said = text(messages)
assert len(said.split()) >= 3, said
last = finals(messages)[-1]
assert last.speech_final and last.start >= 0 and last.duration > 0, last
words = last.channel.alternatives[0].words
assert words and all(word.start <= word.end for word in words), words
seconds = (len(pcm) + len(silence)) / 2 / rate
assert abs(messages[-1].duration - seconds) < 0.01, (messages[-1], seconds)

# The end of the stream is the end of the turn; asked for, the last final says so
messages = listen(pcm, finalize=True)
assert len(text(messages).split()) >= 3, messages
assert any(message.from_finalize for message in finals(messages)), messages
assert not any(message.type == "Results" and not message.is_final for message in messages), "nobody asked for interim results"

# Each channel by itself
stereo = b"".join(pcm[at : at + 2] + b"\0\0" for at in range(0, len(pcm), 2))
messages = listen(stereo, channels=2, multichannel=True)
assert {tuple(message.channel_index) for message in finals(messages)} == {(0, 2)}, messages
assert messages[-1].channels == 2, messages[-1]

# Refused by name
for name, value in (("diarize", True), ("language", "de"), ("redact", "pci"), ("encoding", "opus")):
    try:
        listen(b"", **{name: value})
        raise AssertionError(f"{name}={value} was taken")
    except Exception as error:
        assert "400" in str(error), error
try:
    wrong = DeepgramClient(api_key="wrong", environment=environment)
    with wrong.listen.v1.connect(**usual):
        raise AssertionError("a wrong key was taken")
except Exception as error:
    assert "401" in str(error), error
print("ok")
