"""faster-whisper's batched pipeline on two-channel recordings, and the word error rate of both sides.

usage: batch_peer.py run MODEL_DIR RECORDING.wav=LANG ... [--batch 8] [--threads 2] [--channels FILE.json]
       batch_peer.py score FIXTURES_DIR|RECORDING.calls ALLO_JSON_DIR PEER.json

`run` transcribes each channel of each recording with `BatchedInferencePipeline` (its own voice detection, int8, beam 5)
and prints seconds of work, of audio and the texts as JSON; loading the model is not counted. `score` compares both
against the known texts of the fixture calls, channel by channel; RECORDING.calls lists the calls that one recording was
joined from.
"""

import argparse
import glob
import json
import os
import time

from faster_whisper_peer import distance, words


def run(arguments):
    from faster_whisper import BatchedInferencePipeline, WhisperModel
    from faster_whisper.audio import decode_audio

    model = WhisperModel(arguments.model, device="cpu", compute_type="int8", cpu_threads=arguments.threads)
    pipeline = BatchedInferencePipeline(model=model)
    texts, audio_s = {}, 0.0
    start = time.perf_counter()
    for recording in arguments.recordings:
        path, language = recording.rsplit("=", 1)
        channels = decode_audio(path, split_stereo=True)
        audio_s += len(channels[0]) / 16000
        texts[os.path.basename(path)] = []
        for samples in channels:
            segments, _ = pipeline.transcribe(samples, language=language, beam_size=5, batch_size=arguments.batch)
            texts[os.path.basename(path)].append(" ".join(segment.text.strip() for segment in segments))
    print(json.dumps({"work_s": time.perf_counter() - start, "audio_s": audio_s, "texts": texts}))


def scripts_of(known):
    """The known texts: for each recording its name and the scripts of the calls in it, in order."""
    if known.endswith(".calls"):
        with open(known, encoding="utf-8") as calls:
            scripts = [json.load(open(line.strip()[: -len(".wav")] + ".json", encoding="utf-8")) for line in calls]
        return [(os.path.basename(known)[: -len(".calls")] + ".wav", scripts)]
    scripts = [json.load(open(path, encoding="utf-8")) for path in sorted(glob.glob(os.path.join(known, "*.json")))]
    return [(script["file"], [script]) for script in scripts]


def score(arguments):
    peer = json.load(open(arguments.peer, encoding="utf-8"))["texts"]
    edits, said = {"allo": 0, "peer": 0}, 0
    for file, scripts in scripts_of(arguments.known):
        allo = json.load(open(os.path.join(arguments.allo, file + ".json"), encoding="utf-8"))
        for index in range(2):
            uttered = [u["text"] for call in scripts for u in call["utterances"] if u["channel"] == call["channels"][index]]
            truth = words(" ".join(uttered))
            # Every call names its channels in the same order.
            channel = scripts[0]["channels"][index]
            mine = " ".join(s["text"] for s in allo["segments"] if s["channel"] == channel)
            said += len(truth)
            edits["allo"] += distance(truth, words(mine))
            edits["peer"] += distance(truth, words(peer[file][index]))
    for who, count in edits.items():
        print(f"{who}: WER {100 * count / said:.1f} % of {said} words")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    runs = commands.add_parser("run")
    runs.add_argument("model")
    runs.add_argument("recordings", nargs="+")
    runs.add_argument("--batch", type=int, default=8)
    runs.add_argument("--threads", type=int, default=2)
    runs.set_defaults(do=run)
    scores = commands.add_parser("score")
    scores.add_argument("known")
    scores.add_argument("allo")
    scores.add_argument("peer")
    scores.set_defaults(do=score)
    arguments = parser.parse_args()
    arguments.do(arguments)


if __name__ == "__main__":
    main()
