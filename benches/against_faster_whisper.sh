#!/usr/bin/env bash
# Allo beside faster-whisper (int8, beam 5) with the same weights on the same files in the same run.
#
# usage: benches/against_faster_whisper.sh EVAL_FOLDER [SET ...]
#
# EVAL_FOLDER holds folders with a manifest.tsv (columns file, lang, transcript); SET defaults to cv61-fr cv61-en cv61-nl.
# Each clip is first brought to 8 kHz G.711 A-law by ffmpeg, so that both hear the very same telephone signal. These clips are
# kept, and made anew when the set comes from another folder or its manifest has changed.
# The sets are measured in turn, Allo then faster-whisper, so that a drift of the machine's speed meets both.
# ALLO names another binary, ALLO_EVAL_ARGUMENTS adds arguments to `allo eval asr`. Needs: make models, ffmpeg, python3 with
# venv.
set -euo pipefail
cd "$(dirname "$0")/.."

evaluation=${1:?name the folder with the evaluation sets}
shift
[ "$#" -gt 0 ] && sets=("$@") || sets=(cv61-fr cv61-en cv61-nl)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/allo/bench
allo=${ALLO:-target/release/allo}
command -v ffmpeg > /dev/null || {
  echo "ffmpeg, which brings the clips to the telephone, is missing" >&2
  echo "hint: make setup-test" >&2
  exit 2
}
mkdir -p "$cache/result"

{ read -r python; read -r peer_model; } < <(benches/peer_setup.sh)

telephone() { # SET: every clip of the set as 8 kHz A-law, with its manifest
  local set=$1 out=$cache/phone/$1 folder manifest source
  folder=$(cd "$evaluation/$set" && pwd -P)
  manifest=$(sha256sum < "$folder/manifest.tsv")
  source=$(printf '%s\n' "$folder" "${manifest%% *}")
  if [ -f "$out/manifest.tsv" ] && [ "$(cat "$out/source" 2> /dev/null)" = "$source" ]; then return; fi
  rm -rf "$out"
  mkdir -p "$out"
  printf '%s\n' "$source" > "$out/source"
  tail -n +2 "$evaluation/$set/manifest.tsv" | cut -f1 | while IFS= read -r file; do
    mkdir -p "$out/$(dirname "$file")"
    # Headerless files of the sets are 16 kHz, 16 bits.
    local -a raw=()
    case $file in *.raw) raw=(-f s16le -ar 16000 -ac 1) ;; esac
    ffmpeg -nostdin -loglevel error -y ${raw[@]+"${raw[@]}"} -i "$evaluation/$set/$file" -ac 1 -ar 8000 -c:a pcm_alaw -f wav "$out/$file.wav"
  done
  awk -F'\t' -v OFS='\t' 'NR > 1 { $1 = $1 ".wav" } { print $1, $2, $3 }' "$evaluation/$set/manifest.tsv" > "$out/manifest.tmp"
  mv "$out/manifest.tmp" "$out/manifest.tsv"
}

for set in "${sets[@]}"; do
  telephone "$set"
  "$allo" eval asr "$cache/phone/$set/manifest.tsv" --format json ${ALLO_EVAL_ARGUMENTS:-} > "$cache/result/allo-$set.json"
  "$python" benches/faster_whisper_peer.py "$peer_model" "$cache/phone/$set/manifest.tsv" --beam 5 --threads 2 \
    > "$cache/result/peer-$set.json"
done

"$python" - "$cache/result" "${sets[@]}" <<'PYTHON'
import json, sys
folder, sets = sys.argv[1], sys.argv[2:]
import csv, re
def words(text):
    text = text.lower().replace("’", "'").replace("œ", "oe").replace("æ", "ae")
    return len(re.sub(r"[^\w]|_", " ", text).split())
print(f"{'set':<24}{'WER allo':>9}{'peer':>7}{'p50 allo':>10}{'peer':>7}{'ratio':>7}{'p95 allo':>10}{'peer':>7}{'ratio':>7}")
edits, total = {"allo": 0.0, "peer": 0.0}, 0
for name in sets:
    result = {who: json.load(open(f"{folder}/{who}-{name}.json")) for who in ("allo", "peer")}
    with open(f"{folder}/../phone/{name}/manifest.tsv", encoding="utf-8", newline="") as handle:
        said = sum(words(row["transcript"]) for row in csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))
    total += said
    for who in edits:
        edits[who] += result[who]["wer"] * said
    allo, peer = result["allo"], result["peer"]
    print(f"{name:<24}{100*allo['wer']:>9.1f}{100*peer['wer']:>7.1f}"
          f"{allo['latency_p50_s']:>10.2f}{peer['latency_p50_s']:>7.2f}{allo['latency_p50_s']/peer['latency_p50_s']:>7.2f}"
          f"{allo['latency_p95_s']:>10.2f}{peer['latency_p95_s']:>7.2f}{allo['latency_p95_s']/peer['latency_p95_s']:>7.2f}")
print(f"{'all words together':<24}{100*edits['allo']/total:>9.1f}{100*edits['peer']/total:>7.1f}")
PYTHON
