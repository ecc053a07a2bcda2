#!/usr/bin/env bash
# Makes the long two-channel recording of the benches where it is missing, and prints its path.
#
# usage: benches/long_recording.sh MINUTES
#
# It is the fixture calls one after the other, over and over. Its name holds the hash of their manifest: calls that were
# rendered anew are joined anew, and what was joined of the old ones is removed.
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${1:?say how many minutes}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/allo/bench
mkdir -p "$cache"
calls=$(sha256sum fixtures/audio/manifest.toml | cut -c1-12)
recording=$cache/long-$minutes-$calls.wav
if [ ! -f "$recording" ]; then
  command -v ffmpeg > /dev/null || { echo "ffmpeg, which joins the calls, is missing" >&2; echo "hint: make setup-test" >&2; exit 2; }
  rm -f "$cache/long-$minutes.wav" "$cache/long-$minutes"-*.wav
  list=$cache/long.txt
  : > "$list"
  for _ in $(seq 1 $((minutes * 60 / 600 + 1))); do
    for call in fixtures/audio/*.wav; do printf "file '%s'\n" "$PWD/$call" >> "$list"; done
  done
  ffmpeg -nostdin -loglevel error -y -f concat -safe 0 -i "$list" -t $((minutes * 60)) -c copy -f wav "$recording.tmp"
  mv "$recording.tmp" "$recording"
fi
printf '%s\n' "$recording"
