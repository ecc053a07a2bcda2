"""The official OpenAI client has `allo serve` translate: ADDRESS KEY RECORDING (French). Fails by an assertion."""

import sys

import openai

address, key, recording = sys.argv[1:]
client = openai.OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0)


def translate(**options):
    with open(recording, "rb") as file:
        return client.audio.translations.create(file=file, model="whisper-1", **options)


def refused(parameter, **options):
    try:
        translate(**options)
    except openai.BadRequestError as error:
        assert error.param == parameter, (error.param, error)
        return
    raise AssertionError(f"{options} was taken")


text = translate().text
words = set(text.lower().replace(",", " ").replace(".", " ").split())
# A small model translates clumsily, but into English.
assert words & {"the", "you", "for", "your", "is", "my", "i"}, text
assert not words & {"vous", "pour", "votre", "est", "je", "le", "la"}, text
assert translate(response_format="text").strip() == text
verbose = translate(response_format="verbose_json", temperature=0)
assert verbose.text == text and verbose.language == "english" and float(verbose.duration) > 1, verbose
assert verbose.segments and verbose.task == "translate", verbose
assert "".join(segment.text for segment in verbose.segments).strip() == text, verbose
assert translate(response_format="srt").startswith("1\n00:00:")
assert translate(response_format="vtt", prompt="Telemont").startswith("WEBVTT\n")

refused("response_format", response_format="diarized_json")
refused("temperature", temperature=0.7)
refused("language", extra_body={"language": "fr"})
refused("stream", extra_body={"stream": "true"})

# The same recording in its own language, afterwards: nothing of the task stays behind
with open(recording, "rb") as file:
    said = client.audio.transcriptions.create(file=file, model="whisper-1", language="fr").text
assert set(said.lower().split()) & {"vous", "pour", "votre", "est", "je", "le", "la"}, said
print("ok")
