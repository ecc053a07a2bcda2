#!/usr/bin/env bash
# Intents learnt from few sentences: several draws of them from one file of labelled sentences, and the mean of their figures.
#
# usage: benches/intent_draws.sh SENTENCES.csv PER_INTENT [DRAWS [ARGUMENT ...]]     (5 draws)
#
# SENTENCES.csv has the columns text,intent,lang. A draw learns PER_INTENT sentences of each intent and is measured on the
# others. Of an intent with fewer all but one are learnt; one that has a single sentence is known and not asked for. A
# text that is there several times counts once, so that nothing is asked that was learnt. Draw N has the seed N, so that
# every run draws the same. ARGUMENTs are added to `allo eval intent` (--lexical: by words alone). ALLO names another binary.
#
# The rows of BENCHMARKS.md, "Intents": 10 sentences an intent of French bank cards, 8 of xSID's Dutch ones.
set -euo pipefail
sentences=${1:?name a file with the columns text,intent,lang}
per_intent=${2:?say how many sentences of each intent are learnt}
draws=${3:-5}
shift $(($# < 3 ? $# : 3))
allo=${ALLO:-$(dirname "$0")/../target/release/allo}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

draw() { # SEED: train.csv and test.csv
  python3 - "$sentences" "$per_intent" "$1" "$work" <<'PYTHON'
import csv, random, sys
file, count, seed, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
with open(file, encoding="utf-8", newline="") as handle:
    rows = list({row["text"]: row for row in csv.DictReader(handle)}.values())
by_intent = {}
for row in rows:
    by_intent.setdefault(row["intent"], []).append(row)
chance = random.Random(seed)
train, test = [], []
for intent in sorted(by_intent):
    own = by_intent[intent]
    chance.shuffle(own)
    learnt = max(1, min(count, len(own) - 1))
    train += own[:learnt]
    test += own[learnt:]
for name, part in (("train", train), ("test", test)):
    with open(f"{folder}/{name}.csv", "w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, ["text", "intent", "lang"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(part)
PYTHON
}

for seed in $(seq 1 "$draws"); do
  draw "$seed"
  "$allo" eval intent --train "$work/train.csv" --test "$work/test.csv" --format json "$@" > "$work/draw-$seed.json"
done

python3 - "$work" "$draws" <<'PYTHON'
import json, sys
folder, draws = sys.argv[1], int(sys.argv[2])
names = ("accuracy", "macro_f1", "calibration_error")
results = []
for seed in range(1, draws + 1):
    with open(f"{folder}/draw-{seed}.json", encoding="utf-8") as handle:
        results.append(json.load(handle))
def line(title, figures):
    print(f"{title:<8}" + "".join(f"{figure:>19.3f}" for figure in figures))
print(f"{'draw':<8}" + "".join(f"{name:>19}" for name in names))
for seed, result in enumerate(results, 1):
    line(seed, (result[name] for name in names))
line("mean", (sum(result[name] for result in results) / draws for name in names))
PYTHON
