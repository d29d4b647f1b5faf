#!/usr/bin/env bash
# Times a newcomer's first and second `make demo` in a fresh clone, with every download cache empty.
set -euo pipefail
source=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

git clone --quiet "$source" "$work/parley"
cd "$work/parley"
export UV_CACHE_DIR="$work/uv-cache" PIP_CACHE_DIR="$work/pip-cache" PARLEY_HOME="$work/parley/.parley"
unset VIRTUAL_ENV

for run in first second; do
  start=$(date +%s.%N)
  make demo >"$work/$run.log" 2>&1 || { tail -30 "$work/$run.log" >&2; exit 1; }
  awk -v a="$start" -v b="$(date +%s.%N)" -v n="$run" 'BEGIN { printf "%-7s %6.1f s\n", n, b - a }'
done
