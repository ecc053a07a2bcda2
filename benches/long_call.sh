#!/usr/bin/env bash
# Memory and speed of one hour-long two-channel recording.
#
# usage: benches/long_call.sh [MINUTES [LANGUAGE]]     (60; all)
#
# It is read as French. With all languages in it, which is the default, many texts are poor and tried again, which takes most
# memory.
#
# Exit code 1 when the peak is above the goal of 600 MB, or when memory grows with the length of the recording: when it is
# more than 15 % higher in the last minute of the run than in the third (twice what it moved in BENCHMARKS.md). That needs a
# run of four minutes. 60 minutes of recording and more always decide: a machine that is done sooner ends with 1 as well.
#
# Prints the resident memory every 30 s while it runs, and the peak as the system counted it. What allo itself says is shown
# when it fails. ALLO names another binary.
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${1:-60}
language=${2:-all}
allo=${ALLO:-target/release/allo}
# The third minute must be over before the last one begins.
shortest_run_s=240
cache=${XDG_CACHE_HOME:-$HOME/.cache}/allo/bench
recording=$(benches/long_recording.sh "$minutes" "$language")

start=$(date +%s)
"$allo" transcribe --language fr --format json "$recording" > "$cache/long.json" 2> "$cache/long.err" &
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
status=0
wait "$process" || status=$?
if [ "$status" -ne 0 ]; then
  cat "$cache/long.err" >&2
  echo "allo ended with $status" >&2
  exit "$status"
fi
took=$(($(date +%s) - start))
peak=$(tail -n 1 "$samples" | cut -d' ' -f3)
echo "peak $peak MB, $minutes min of two channels in $took s ($((minutes * 60 / took)) x real time)"

mean_between() { # FROM TO: of the resident memory, in MB
  awk -v from="$1" -v to="$2" '$1 >= from && $1 < to { sum += $2; count++ } END { printf "%d", sum / count }' "$samples"
}
failed=0
[ "$peak" -le 600 ] || { echo "the peak is above 600 MB" >&2; failed=1; }
if [ "$took" -ge "$shortest_run_s" ]; then
  early=$(mean_between 120 180)
  late=$(mean_between $((took - 60)) $((took + 1)))
  echo "$early MB in the third minute, $late MB in the last"
  [ $((late * 100)) -le $((early * 115)) ] || { echo "memory grows with the length of the recording" >&2; failed=1; }
else
  echo "$took s are too short to say whether memory grows, which takes $shortest_run_s s" >&2
  [ "$minutes" -lt 60 ] || { echo "hint: benches/long_call.sh $((minutes * 2)) $language" >&2; failed=1; }
fi
exit "$failed"
