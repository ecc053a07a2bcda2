"""The official OpenAI client's realtime transcription against `allo serve`: ADDRESS KEY RECORDING (16 kHz WAV)."""

import base64
import sys
import time

import openai
import sound

address, key, recording = sys.argv[1:]
client = openai.OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0)
rate, samples = sound.read(recording)
pcm24 = sound.resampled(samples, rate, 24_000).tobytes()
mulaw = sound.mulaw(sound.resampled(samples, rate, 8_000))
query = {"intent": "transcription"}


def settings(**changes):
    audio = {"transcription": {"model": "gpt-4o-transcribe", "language": "en"}, **changes}
    return {"type": "transcription", "audio": {"input": audio}}


def send(connection, audio, piece):
    for at in range(0, len(audio), piece):
        connection.input_audio_buffer.append(audio=base64.b64encode(audio[at : at + piece]).decode())


def until(connection, kind):
    events = []
    while not events or events[-1].type != kind:
        events.append(connection.recv())
        assert events[-1].type != "error" or kind == "error", events[-1]
    return events


# The service ends turns; telephone audio
with client.realtime.connect(extra_query=query) as connection:
    assert connection.recv().type == "session.created"
    detection = {"type": "server_vad", "silence_duration_ms": 700}
    connection.session.update(session=settings(format={"type": "audio/pcmu"}, turn_detection=detection))
    assert connection.recv().type == "session.updated"
    send(connection, mulaw + b"\xff" * 16_000, 160)
    events = until(connection, "conversation.item.input_audio_transcription.completed")
    kinds = [event.type for event in events]
    started = events[kinds.index("input_audio_buffer.speech_started")]
    stopped = events[kinds.index("input_audio_buffer.speech_stopped")]
    assert started.item_id == stopped.item_id == events[-1].item_id, kinds
    assert stopped.audio_end_ms > started.audio_start_ms, (started, stopped)
    assert "input_audio_buffer.committed" in kinds, kinds
    said = events[-1].transcript
    assert len(said.split()) >= 3, said
    deltas = [event.delta for event in events if event.type.endswith("transcription.delta")]
    assert deltas, kinds

# The client ends turns
with client.realtime.connect(extra_query=query) as connection:
    connection.recv()
    connection.session.update(session=settings(turn_detection=None))
    connection.recv()
    send(connection, pcm24[: 24_000 * 2], 4_800)
    connection.input_audio_buffer.clear()
    assert connection.recv().type == "input_audio_buffer.cleared"
    send(connection, pcm24, 4_800)
    connection.input_audio_buffer.commit()
    events = until(connection, "conversation.item.input_audio_transcription.completed")
    assert events[0].type == "input_audio_buffer.committed", events
    assert len(events[-1].transcript.split()) >= 3, events[-1]
    assert events[-1].usage.type == "duration", events[-1]
    # After a pause the same again, all at once: nothing of it is lost
    time.sleep(8)
    send(connection, pcm24, 4_800)
    connection.input_audio_buffer.commit()
    again = until(connection, "conversation.item.input_audio_transcription.completed")
    lengths = [len(event.transcript.split()) for event in (events[-1], again[-1])]
    assert abs(lengths[0] - lengths[1]) <= 1, (again[-1], events[-1])
    connection.input_audio_buffer.commit()
    assert until(connection, "error")[-1].error.param == "input_audio_buffer"

# Refused by name
with client.realtime.connect(extra_query=query) as connection:
    connection.recv()
    connection.session.update(session=settings(noise_reduction={"type": "near_field"}))
    error = connection.recv()
    assert error.error.param == "session.audio.input.noise_reduction", error
for wrong in ({"intent": "conversation"}, {"intent": "transcription", "voice": "marin"}):
    try:
        with client.realtime.connect(extra_query=wrong) as connection:
            raise AssertionError(f"{wrong} was taken")
    except Exception as error:
        assert "400" in str(error), error
print("ok")
