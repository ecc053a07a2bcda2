"""The official OpenAI client against `allo serve`: ADDRESS KEY RECORDING. Fails by an assertion."""

import sys

import openai

address, key, recording = sys.argv[1:]
client = openai.OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0)
audio = client.audio.transcriptions


def transcribe(**options):
    with open(recording, "rb") as file:
        return audio.create(file=file, model="whisper-1", **options)


def refused(kind, parameter, **options):
    try:
        transcribe(**options)
    except kind as error:
        assert error.param == parameter, (error.param, error)
        assert parameter in str(error), error
        return error
    raise AssertionError(f"{options} was taken")


# Models
names = [model.id for model in client.models.list()]
assert "whisper-1" in names, names
assert client.models.retrieve("whisper-1").id == "whisper-1"
try:
    client.models.retrieve("gpt-9")
    raise AssertionError("a model that is none was found")
except openai.NotFoundError as error:
    assert error.code == "model_not_found", error

# Every format
plain = transcribe(language="en")
said = plain.text
assert said.strip(), "the recording holds speech"
assert plain.usage.type == "duration" and plain.usage.seconds >= 1, plain.usage
assert transcribe(language="en", response_format="text").strip() == said
srt = transcribe(language="en", response_format="srt")
assert srt.startswith("1\n00:00:") and "-->" in srt, srt
vtt = transcribe(language="en", response_format="vtt")
assert vtt.startswith("WEBVTT\n"), vtt
verbose = transcribe(language="en", response_format="verbose_json")
assert verbose.text == said and verbose.language == "english" and verbose.duration > 1, verbose
assert verbose.segments and verbose.words is None, verbose
assert "".join(segment.text for segment in verbose.segments).strip() == said, verbose
assert all(0 <= segment.start < segment.end <= verbose.duration for segment in verbose.segments), verbose
assert all(segment.avg_logprob <= 0 for segment in verbose.segments), verbose
words = transcribe(language="en", response_format="verbose_json", timestamp_granularities=["word"])
assert words.segments is None and " ".join(word.word for word in words.words) == said, words
both = transcribe(language="en", response_format="verbose_json", timestamp_granularities=["word", "segment"])
assert both.segments and both.words, both
diarized = transcribe(language="en", response_format="diarized_json", chunking_strategy="auto")
assert [segment.speaker for segment in diarized.segments] == ["mixed"] * len(diarized.segments), diarized
assert " ".join(segment.text for segment in diarized.segments) == said, diarized

# Streaming
events = list(transcribe(language="en", stream=True))
assert events[-1].type == "transcript.text.done" and events[-1].text == said, events
deltas = [event.delta for event in events if event.type == "transcript.text.delta"]
assert deltas and "".join(deltas) == said, events
events = list(transcribe(language="en", stream=True, response_format="diarized_json"))
assert [event.type for event in events][0] == "transcript.text.segment", events

# What the client says about the call
assert transcribe(language="en", prompt="Allo, Livebox", temperature=0).text
assert transcribe(languages=["en"], keywords=["Allo", "Livebox"]).text

# Refused by name
refused(openai.BadRequestError, "temperature", temperature=0.7)
refused(openai.BadRequestError, "language", language="de")
refused(openai.BadRequestError, "include", include=["logprobs"])
refused(openai.BadRequestError, "stream", stream=True, response_format="srt")
refused(openai.BadRequestError, "timestamp_granularities", timestamp_granularities=["word"])
refused(openai.BadRequestError, "known_speaker_names", known_speaker_names=["agent"])
try:
    audio.create(file=("call.wav", b"no audio at all"), model="whisper-1")
    raise AssertionError("something that is no audio was taken")
except openai.BadRequestError as error:
    assert error.param == "file" and "call.wav" in str(error), error
try:
    with open(recording, "rb") as file:
        client.audio.translations.create(file=file, model="whisper-1")
    raise AssertionError("a model that knows English only translates")
except openai.BadRequestError as error:
    assert error.param == "model" and "does not translate" in str(error), error

# Keys and limits
for wrong in ("", "wrong"):
    try:
        openai.OpenAI(base_url=f"{address}/v1", api_key=wrong or "none", max_retries=0).models.list()
        raise AssertionError("a wrong key was taken")
    except openai.AuthenticationError as error:
        assert error.code == "invalid_api_key", error
try:
    audio.create(file=("large.wav", b"\0" * 3_000_000), model="whisper-1")
    raise AssertionError("a recording that is too large was taken")
except openai.APIStatusError as error:
    assert error.status_code == 413, error
assert plain._request_id, "every answer has an id"
print("ok")
