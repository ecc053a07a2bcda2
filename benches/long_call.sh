#!/usr/bin/env bash
# Memory and speed of one hour-long two-channel recording.
#
# usage: benches/long_call.sh [MINUTES]     (60)
#
# Exit code 1 when the peak is above the goal of 600 MB.
#
# The recording is the fixture calls one after the other, over and over. Prints the resident memory while it runs, once
# every tenth of the way by time, and the peak as the system counted it.
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${1:-60}
allo=${ALLO:-target/release/allo}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/allo/bench
mkdir -p "$cache"
recording=$cache/long-$minutes.wav
if [ ! -f "$recording" ]; then
  list=$cache/long.txt
  : > "$list"
  for _ in $(seq 1 $((minutes * 60 / 600 + 1))); do
    for call in fixtures/audio/*.wav; do printf "file '%s'\n" "$PWD/$call" >> "$list"; done
  done
  ffmpeg -nostdin -loglevel error -y -f concat -safe 0 -i "$list" -t $((minutes * 60)) -c copy -f wav "$recording.tmp"
  mv "$recording.tmp" "$recording"
fi
start=$(date +%s)
"$allo" transcribe --language fr --format json "$recording" > "$cache/long.json" 2>/dev/null &
process=$!
while kill -0 "$process" 2>/dev/null; do
  awk -v t=$(($(date +%s) - start)) '/VmRSS/ {printf "%5d s  %4d MB\n", t, $2/1024}' "/proc/$process/status" 2>/dev/null || true
  awk '/VmHWM/ {print $2}' "/proc/$process/status" > "$cache/long.peak.tmp" 2>/dev/null && [ -s "$cache/long.peak.tmp" ] && mv "$cache/long.peak.tmp" "$cache/long.peak"
  for _ in 1 2 3 4 5 6; do kill -0 "$process" 2>/dev/null && sleep 5; done
done
wait "$process"
took=$(($(date +%s) - start))
peak=$(($(cat "$cache/long.peak") / 1024))
echo "peak $peak MB, $minutes min of two channels in $took s ($((minutes * 60 / took)) x real time)"
[ "$peak" -le 600 ] || { echo "the peak is above 600 MB" >&2; exit 1; }
