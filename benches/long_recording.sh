#!/usr/bin/env bash
# Makes the long two-channel recording of the benches where it is missing, and prints its path.
#
# usage: benches/long_recording.sh MINUTES [LANGUAGE]     (all)
#
# It is the fixture calls of the language one after the other, over and over, none of them cut: MINUTES and up to one call more. A
# file of the same name that ends in .calls lists them in order, one path a line. The name holds the hash of the manifest: calls
# that were rendered anew are joined anew, and what was joined of the old ones is removed.
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${1:?say how many minutes}
language=${2:-all}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/allo/bench
mkdir -p "$cache"
made_of=$(sha256sum fixtures/audio/manifest.toml | cut -c1-12)
recording=$cache/long-$minutes-$language-$made_of.wav
if [ ! -f "$recording" ] || [ ! -f "${recording%.wav}.calls" ]; then
  command -v ffmpeg > /dev/null || { echo "ffmpeg, which joins the calls, is missing" >&2; echo "hint: make setup-test" >&2; exit 2; }
  rm -f "$cache/long-$minutes-$language"-*.wav "$cache/long-$minutes-$language"-*.calls
  [ "$language" = all ] && pattern='*' || pattern="$language-*"
  list=$cache/long.txt
  : > "$list" && : > "${recording%.wav}.calls.tmp"
  passed_s=0
  while awk -v a="$passed_s" -v b="$minutes" 'BEGIN { exit !(a < b * 60) }'; do
    for call in fixtures/audio/$pattern.wav; do
      [ -f "$call" ] || { echo "there is no fixture call of the language '$language'" >&2; exit 2; }
      awk -v a="$passed_s" -v b="$minutes" 'BEGIN { exit !(a < b * 60) }' || break
      printf "file '%s'\n" "$PWD/$call" >> "$list"
      printf '%s\n' "$call" >> "${recording%.wav}.calls.tmp"
      passed_s=$(ffprobe -v error -show_entries format=duration -of csv=p=0 "$call" | awk -v a="$passed_s" '{ print a + $1 }')
    done
  done
  ffmpeg -nostdin -loglevel error -y -f concat -safe 0 -i "$list" -c copy -f wav "$recording.tmp"
  mv "${recording%.wav}.calls.tmp" "${recording%.wav}.calls"
  mv "$recording.tmp" "$recording"
fi
printf '%s\n' "$recording"
