#!/usr/bin/env bash
# Recordings by the hour: Allo beside faster-whisper's BatchedInferencePipeline (int8, beam 5, the same weights).
#
# usage: benches/batch_against_faster_whisper.sh [MINUTES [BATCH_SIZE ...]]     (60; 4 8 16)
#
# First the fixture calls, then one two-channel recording of MINUTES (0 leaves it out), of French calls, for each batch size, with
# the word error rate of both. OTHERS=yes adds the same with calls of all languages, all read as French, without words to count
# errors from. Allo's time is that of the whole command, model loading and decoding of the files included; the peer's starts
# after its model is loaded.
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${1:-60}
[ "$#" -gt 0 ] && shift
[ "$#" -gt 0 ] && sizes=("$@") || sizes=(4 8 16)
allo=${ALLO:-target/release/allo}
{ read -r python; read -r peer_model; } < <(benches/peer_setup.sh)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

language_of() { python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["language"])' "${1%.wav}.json"; }
calls=()
for call in fixtures/audio/*.wav; do calls+=("$call=$(language_of "$call")"); done
value() { python3 -c 'import json,sys; print(f"{json.load(open(sys.argv[1]))[sys.argv[2]]:.1f}")' "$1" "$2"; }

seconds() { # COMMAND: runs it, prints its wall time
  local start end
  start=$(date +%s.%N); "$@" > /dev/null 2>&1; end=$(date +%s.%N)
  awk -v a="$start" -v b="$end" 'BEGIN { printf "%.1f", b - a }'
}

transcribe_fixtures() {
  local language
  for language in fr en nl; do
    # shellcheck disable=SC2046
    "$allo" transcribe --language "$language" --format json --output "$work/allo" \
      $(printf '%s\n' "${calls[@]}" | sed -n "s/=$language\$//p")
  done
}

mine=$(seconds transcribe_fixtures)
for size in "${sizes[@]}"; do
  "$python" benches/batch_peer.py run "$peer_model" "${calls[@]}" --batch "$size" > "$work/peer-$size.json"
  took=$(value "$work/peer-$size.json" work_s)
  echo "fixture calls: allo $mine s, peer with batches of $size $took s ($(awk -v a="$took" -v b="$mine" 'BEGIN { printf "%.2f", a / b }') x)"
  "$python" benches/batch_peer.py score fixtures/audio "$work/allo" "$work/peer-$size.json"
done

[ "$minutes" -gt 0 ] || exit 0

long_call() { # LANGUAGE: both sides, one after the other
  local recording mine took size
  recording=$(benches/long_recording.sh "$minutes" "$1")
  mine=$(seconds "$allo" transcribe --language fr --format json --output "$work/long" "$recording")
  for size in "${sizes[@]}"; do
    "$python" benches/batch_peer.py run "$peer_model" "$recording=fr" --batch "$size" > "$work/peer-long.json"
    took=$(value "$work/peer-long.json" work_s)
    echo "$minutes min of two channels, $1: allo $mine s, peer with batches of $size $took s ($(awk -v a="$took" -v b="$mine" 'BEGIN { printf "%.2f", a / b }') x)"
    [ "$1" = all ] || "$python" benches/batch_peer.py score "${recording%.wav}.calls" "$work/long" "$work/peer-long.json"
  done
}
long_call fr
[ -z "${OTHERS:-}" ] || long_call all
