#!/usr/bin/env bash
# Memory and speed of one hour-long two-channel recording.
#
# usage: benches/long_call.sh [MINUTES]     (60)
#
# Exit code 1 when the peak is above the goal of 600 MB, or when memory grows with the length of the recording: when it is
# more than 15 % higher in the last minute of the run than in the third (twice what it moved in BENCHMARKS.md). A run of
# less than five minutes says nothing of that.
#
# The recording is the fixture calls one after the other, over and over. Prints the resident memory every 30 s while it
# runs, and the peak as the system counted it. ALLO names another binary.
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${1:-60}
allo=${ALLO:-target/release/allo}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/allo/bench
mkdir -p "$cache"
recording=$cache/long-$minutes.wav
if [ ! -f "$recording" ]; then
  command -v ffmpeg > /dev/null || { echo "ffmpeg, which joins the calls, is missing" >&2; echo "hint: make setup-test" >&2; exit 2; }
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
samples=$cache/long.samples # seconds, resident memory and its peak so far in MB
: > "$samples"
shown=0
while kill -0 "$process" 2>/dev/null; do
  passed=$(($(date +%s) - start))
  # Nothing when the process has just ended.
  awk -v t="$passed" '/^VmHWM/ { peak = $2 } /^VmRSS/ { now = $2 } END { if (now) printf "%d %d %d\n", t, now / 1024, peak / 1024 }' \
    "/proc/$process/status" 2>/dev/null >> "$samples" || true
  if [ "$passed" -ge "$shown" ]; then
    tail -n 1 "$samples" | awk '{ printf "%5d s  %4d MB\n", $1, $2 }'
    shown=$((passed + 30))
  fi
  sleep 2
done
wait "$process"
took=$(($(date +%s) - start))
peak=$(tail -n 1 "$samples" | cut -d' ' -f3)
echo "peak $peak MB, $minutes min of two channels in $took s ($((minutes * 60 / took)) x real time)"

mean_between() { # FROM TO: of the resident memory, in MB
  awk -v from="$1" -v to="$2" '$1 >= from && $1 < to { sum += $2; count++ } END { printf "%d", sum / count }' "$samples"
}
failed=0
[ "$peak" -le 600 ] || { echo "the peak is above 600 MB" >&2; failed=1; }
if [ "$took" -ge 300 ]; then
  early=$(mean_between 120 180)
  late=$(mean_between $((took - 60)) $((took + 1)))
  echo "$early MB in the third minute, $late MB in the last"
  [ $((late * 100)) -le $((early * 115)) ] || { echo "memory grows with the length of the recording" >&2; failed=1; }
else
  echo "the run is too short to say whether memory grows"
fi
exit "$failed"
