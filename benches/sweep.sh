#!/usr/bin/env bash
# The settings of recognition, one at a time: WER and latency of `allo eval asr` for each.
#
# usage: benches/sweep.sh [NAME ...]      NAME: only these rows
#
# Run benches/against_faster_whisper.sh EVAL_FOLDER first: it makes the telephone versions of the sets. A row with another
# build of the binary (AVX-512) is made with ALLO=path/to/that/allo benches/sweep.sh cpp-f16.
set -euo pipefail
cd "$(dirname "$0")/.."
cache=${XDG_CACHE_HOME:-$HOME/.cache}/allo/bench
allo=${ALLO:-target/release/allo}
sets=(cv61-fr cv61-en cv61-nl)
for set in "${sets[@]}"; do
  [ -f "$cache/phone/$set/manifest.tsv" ] || {
    echo "$set is not there as telephone speech" >&2
    echo "hint: benches/against_faster_whisper.sh EVAL_FOLDER makes it" >&2
    exit 2
  }
done
# The models of the rows f32, q8_0 and q5_1.
"$allo" models pull whisper-base-onnx-f32 whisper-base-q8_0 whisper-base-q5_1 > /dev/null
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

row() { # NAME TOML
  local name=$1
  if [ "${#only[@]}" -gt 0 ] && [[ " ${only[*]} " != *" $name "* ]]; then return; fi
  printf '%s\n' "$2" > "$work/allo.toml"
  local manifests=() set
  for set in "${sets[@]}"; do manifests+=("$cache/phone/$set/manifest.tsv"); done
  "$allo" --config "$work/allo.toml" eval asr "${manifests[@]}" --format json > "$work/result.json" 2>/dev/null
  python3 - "$name" "$work/result.json" <<'PYTHON'
import json, sys
result = json.load(open(sys.argv[2]))
by = result["languages"]
print(f"| {sys.argv[1]:<28} | {100*by['fr']['wer']:.1f} | {100*by['en']['wer']:.1f} | {100*by['nl']['wer']:.1f} "
      f"| {100*result['wer']:.1f} | {result['latency_p50_s']:.2f} | {result['latency_p95_s']:.2f} |", flush=True)
PYTHON
}

only=("$@")
echo "| setting                      | fr | en | nl | all | p50 s | p95 s |"
echo "|------------------------------|----|----|----|-----|-------|-------|"
# The default engine, ONNX Runtime in 8 bits.
row default ""
row greedy $'[asr]\nbeam_size = 1'
row beam8 $'[asr]\nbeam_size = 8'
row context-512+128 $'[asr]\ncontext_minimum = 512\ncontext_margin = 128'
row context-768+128 $'[asr]\ncontext_margin = 128'
row context-768+512 $'[asr]\ncontext_margin = 512'
row context-640+256 $'[asr]\ncontext_minimum = 640'
row context-1024+256 $'[asr]\ncontext_minimum = 1024'
row context-1500 $'[asr]\ncontext_minimum = 1500'
row f32 $'[asr]\nprecision = "f32"'
row one-thread $'[asr]\nthreads_per_inference = 1'
# whisper.cpp, where quantisation and the build matter.
row cpp-f16 $'[asr]\nengine = "whisper.cpp"'
row cpp-f16-greedy $'[asr]\nengine = "whisper.cpp"\nbeam_size = 1'
# Beams are drawn with repetition: 5 asks for 8, 3 for 5 (`drawn_beams` in src/asr/whisper.rs).
row cpp-f16-5-drawn $'[asr]\nengine = "whisper.cpp"\nbeam_size = 3'
row cpp-f16-1024+256 $'[asr]\nengine = "whisper.cpp"\ncontext_minimum = 1024'
row cpp-f16-1500 $'[asr]\nengine = "whisper.cpp"\ncontext_minimum = 1500'
row cpp-fused-attention $'[asr]\nengine = "whisper.cpp"\nflash_attention = true'
row cpp-q8_0 $'[asr]\nengine = "whisper.cpp"\nmodel = "whisper-base-q8_0"'
row cpp-q5_1 $'[asr]\nengine = "whisper.cpp"\nmodel = "whisper-base-q5_1"'
