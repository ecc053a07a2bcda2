#!/usr/bin/env bash
# Words out of nothing: what is invented an hour where nobody speaks, as a telephone hears it.
#
# usage: benches/nonspeech.sh [EVAL_FOLDER]
#
# Measures hold music, ten minutes of silence, noises and tones as `tests/it/nonspeech.rs` makes them; EVAL_FOLDER adds its set
# `noise` (a manifest.tsv with the columns file, lang, transcript, of which the transcripts are empty). Three settings: the
# default engine, whisper.cpp, and the default engine with a vocabulary of names as text that came before. Prints a line for
# each setting and set. ALLO names another binary. Needs: make models, make setup-test (ffmpeg, the hold music).
#
# Exit code 1 when a word was invented: the goal is none.
set -euo pipefail
cd "$(dirname "$0")/.."
evaluation=${1:-}
allo=${ALLO:-target/release/allo}
music=/usr/share/asterisk/moh
command -v ffmpeg > /dev/null || { echo "ffmpeg, which makes the noises, is missing" >&2; echo "hint: make setup-test" >&2; exit 2; }
[ -d "$music" ] || { echo "$music, hold music as contact centres ship it, is missing" >&2; echo "hint: make setup-test" >&2; exit 2; }
sets=(made)
if [ -n "$evaluation" ]; then
  [ -f "$evaluation/noise/manifest.tsv" ] || { echo "$evaluation/noise/manifest.tsv is not there" >&2; exit 2; }
  sets+=(noise)
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

manifest=$work/manifest.tsv
printf 'file\tlang\ttranscript\n' > "$manifest"
add() { printf '%s\tnone\t\n' "$1" >> "$manifest"; }
make_noise() { # NAME SOURCE SECONDS: a source of ffmpeg's filters, as G.711
  ffmpeg -nostdin -loglevel error -f lavfi -i "$2" -t "$3" -c:a pcm_alaw "$work/$1.wav"
  add "$work/$1.wav"
}
for track in "$music"/*.wav; do add "$track"; done
make_noise silence "anullsrc=r=8000:cl=mono" 600
make_noise white "anoisesrc=r=8000:c=white:a=0.05:s=1" 60
make_noise pink "anoisesrc=r=8000:c=pink:a=0.1:s=2" 60
make_noise brown "anoisesrc=r=8000:c=brown:a=0.1:s=3" 60
make_noise ring-back 'aevalsrc=0.2*sin(2*PI*440*t)*lt(mod(t\,5)\,1.5):s=8000' 60
make_noise hum "aevalsrc=0.05*sin(2*PI*50*t)+0.02*sin(2*PI*150*t):s=8000" 60
# Noise in the rhythm of syllables, as a room full of voices has it.
make_noise murmur "anoisesrc=r=8000:c=pink:a=0.3:s=7,tremolo=f=4:d=0.9,bandpass=f=900:t=h:w=900" 20

invented=0
measure() { # SETTING SET TOML [ARGUMENT ...]: arguments are added to `allo eval asr`
  local setting=$1 set=$2 of=$manifest
  printf '%s\n' "$3" > "$work/allo.toml"
  shift 3
  [ "$set" != noise ] || of=$evaluation/noise/manifest.tsv
  "$allo" --config "$work/allo.toml" eval asr "$of" --phone --format json "$@" > "$work/result.json"
  python3 - "$setting" "$set" "$work/result.json" <<'PYTHON' || invented=1
import json, sys
setting, name, file = sys.argv[1:]
result = json.load(open(file))
print(f"| {setting} | {name}, {result['files']} files | {result['non_speech_s']:.0f} s | {result['rejected_segments']} "
      f"| {result['invented_words']} | {result['invented_words_per_hour'] or 0:.1f} |", flush=True)
sys.exit(result["invented_words"] > 0)
PYTHON
}

echo "| setting | what | audio | segments rejected by the guard (rejected_segments) | invented words | an hour (invented_words_per_hour) |"
echo "|---|---|---|---|---|---|"
for set in "${sets[@]}"; do
  measure "default engine" "$set" ""
  measure whisper.cpp "$set" $'[asr]\nengine = "whisper.cpp"'
  measure "default engine, names as prompt" "$set" $'[asr]\nvocabulary_prompt = true' --vocabulary scenarios/telecom-fr/vocabulary.txt
done
exit "$invented"
