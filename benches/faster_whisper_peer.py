"""faster-whisper on the same files as `allo eval asr`, scored the same way.

usage: faster_whisper_peer.py MODEL_DIR MANIFEST.tsv [MANIFEST.tsv ...] [--beam 5] [--threads 2] [--compute int8] [--hypotheses FILE]
       faster_whisper_peer.py MODEL_DIR --segments SEGMENTS.tsv

Prints one JSON object with the keys of `allo eval asr --format json`, summed over the manifests.
With --segments (columns file, lang: pieces of speech that a voice detection cut out) it prints a line of JSON for each
piece, in their order: seconds that it took, and its text. benches/live_latency makes a live recogniser of that.
Latency: from decoded 16 kHz samples to text; opening and decoding of the file are not counted, and there is no voice
detection. Allo counts all three, so that the comparison favours faster-whisper.
"""

import argparse
import csv
import json
import os
import re
import time

import numpy
from faster_whisper import WhisperModel
from faster_whisper.audio import decode_audio


def words(text):
    """Lower case, straight quotes, ligatures opened, punctuation and apostrophes to spaces."""
    text = text.lower().replace("’", "'").replace("œ", "oe").replace("æ", "ae")
    return re.sub(r"[^\w]|_", " ", text).split()


def distance(said, heard):
    """Edits from one sequence to the other, row by row: an hour has 64 million pairs of words."""
    ids = {one: place for place, one in enumerate(dict.fromkeys([*said, *heard]))}
    heard = numpy.array([ids[one] for one in heard], dtype=numpy.int32)
    columns = numpy.arange(len(heard) + 1, dtype=numpy.int32)
    row = columns.copy()
    for one in said:
        best = row + 1
        best[1:] = numpy.minimum(best[1:], row[:-1] + (heard != ids[one]))
        # An insertion costs one for each column to the left.
        row = numpy.minimum.accumulate(best - columns) + columns
    return int(row[-1])


def percentile(values, share):
    return float(numpy.quantile(values, share)) if values else None


class Totals:
    def __init__(self):
        self.files = self.edits = self.said = self.character_edits = self.characters = self.invented = 0
        self.latency_s, self.audio_s = [], 0.0

    def add(self, reference, hypothesis, latency_s, audio_s):
        said, heard = words(reference), words(hypothesis)
        self.files += 1
        self.latency_s.append(latency_s)
        self.audio_s += audio_s
        if not said:
            self.invented += len(heard)
            return
        self.edits += distance(said, heard)
        self.said += len(said)
        self.character_edits += distance(" ".join(said), " ".join(heard))
        self.characters += len(" ".join(said))

    def report(self):
        return {
            "files": self.files,
            "wer": self.edits / self.said if self.said else None,
            "cer": self.character_edits / self.characters if self.characters else None,
            "invented_words": self.invented,
            "latency_p50_s": percentile(self.latency_s, 0.5),
            "latency_p95_s": percentile(self.latency_s, 0.95),
            "rtf": sum(self.latency_s) / self.audio_s if self.audio_s else None,
        }


def read_rows(path):
    with open(path, encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))


def known_language(tag):
    language = re.split("[-_]", tag)[0].lower()
    return language if language in ("fr", "en", "nl") else None


def recognise(model, samples, language, beam):
    """Seconds and text."""
    start = time.perf_counter()
    segments, _ = model.transcribe(samples, language=language, beam_size=beam)
    text = " ".join(segment.text.strip() for segment in segments)
    return time.perf_counter() - start, text


def recognise_segments(model, path, beam):
    is_warm = False
    for row in read_rows(path):
        samples = decode_audio(os.path.join(os.path.dirname(path), row["file"]))
        if not is_warm:
            # The first run of a model pays for what is made once.
            recognise(model, samples, known_language(row["lang"]), beam)
            is_warm = True
        seconds, text = recognise(model, samples, known_language(row["lang"]), beam)
        print(json.dumps({"seconds": seconds, "text": text}), flush=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("model")
    arguments.add_argument("manifest", nargs="*")
    arguments.add_argument("--segments")
    arguments.add_argument("--beam", type=int, default=5)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--compute", default="int8")
    arguments.add_argument("--hypotheses")
    arguments = arguments.parse_args()

    model = WhisperModel(arguments.model, device="cpu", compute_type=arguments.compute, cpu_threads=arguments.threads)
    if arguments.segments:
        return recognise_segments(model, arguments.segments, arguments.beam)
    total, languages, lines = Totals(), {}, []
    for manifest in arguments.manifest:
        for row in read_rows(manifest):
            path = os.path.join(os.path.dirname(manifest), row["file"])
            samples = decode_audio(path)
            language = re.split("[-_]", row["lang"])[0].lower()
            latency_s, text = recognise(model, samples, known_language(row["lang"]), arguments.beam)
            for totals in (total, languages.setdefault(language, Totals())):
                totals.add(row["transcript"], text, latency_s, len(samples) / 16000)
            lines.append((path, row["lang"], row["transcript"], text))
    if arguments.hypotheses:
        with open(arguments.hypotheses, "w", encoding="utf-8") as handle:
            handle.writelines("\t".join(line) + "\n" for line in lines)
    report = total.report()
    report["languages"] = {language: totals.report() for language, totals in sorted(languages.items())}
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
