#!/usr/bin/env bash
# A run that is carried from machine to machine (docs/training.md, "A GPU that reaches no network"),
# rehearsed with folders for machines: the program packed, the data packed, a run that stops itself,
# its checkpoint taken elsewhere in parts, and the rest of the run there. Passes if it ends with the
# curve and the weights of a run that nobody stopped.
#
#   tests/carry.sh [MIEN [DATA [RECIPE]]]
#
# MIEN is a built program (default: a release build), DATA a data set (default: drawn waves) and
# RECIPE a recipe (default: a small one whose checkpoint needs several parts).
set -euo pipefail

readonly PROGRAM_BYTES_MAX=$((12 << 20)) PART_BYTES_MAX=$((15 << 20))

fail() {
  echo "carry: $*" >&2
  exit 1
}
bytes() { wc -c <"$1"; }
at_most() { # at_most BYTES FILE
  [ "$(bytes "$2")" -le "$1" ] || fail "$2 has $(bytes "$2") bytes, more than $1"
}
# Rows of results.csv; the last column is the time.
curve() { sed 's/,[^,]*$//' "$1/results.csv"; }
epochs() { tail -n +2 "$1/results.csv" | wc -l; }
# A machine knows nothing but its own folder.
on() { # on MACHINE COMMAND…
  (cd "$1" && env -i PATH=/usr/bin:/bin "${@:2}")
}

root=$(cd "$(dirname "$0")/.." && pwd)
if [ $# -ge 1 ]; then
  mien=$1
else
  cargo build --release --manifest-path "$root/Cargo.toml" --package mien-host
  mien=${CARGO_TARGET_DIR:-$root/target}/release/mien
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work"/{home,first,second}

# At home: the program, the data and the recipe, and what the run would be without a stop.
home=$work/home
strip -o "$home/mien" "$mien"
xz -2 --keep "$home/mien"
at_most "$PROGRAM_BYTES_MAX" "$home/mien.xz"

waves() { # Seven kinds of them, in the form of fer2013.csv
  awk 'BEGIN {
    srand(7)
    print "emotion,pixels,Usage"
    for (i = 0; i < 84; i++) {
      class = i % 7
      phase = rand() * 48
      printf "%d,", class
      for (y = 0; y < 48; y++) for (x = 0; x < 48; x++) {
        wave = sin((x * cos(class) + y * sin(class) + phase) * (0.3 + class / 14))
        printf "%s%d", (x + y ? " " : ""), 128 + 60 * wave + 40 * (rand() - 0.5)
      }
      print "," (i < 56 ? "Training" : "PublicTest")
    }
  }'
}
if [ $# -ge 2 ]; then data=$2; else
  data=$home/waves.csv
  waves >"$data"
fi
"$mien" data pack --data "$data" --out "$home/data.mien"

if [ $# -ge 3 ]; then cp "$3" "$home/recipe.toml"; else
  cat >"$home/recipe.toml" <<'EOF'
name = "carried"
description = "Small, with state of every kind, and a layer too long for one part."
epochs = 6
batch = 14
seed = 5
select = "validation_accuracy"
ema_decay = 0.5
drop_path = 0.1
input = { kind = "raw" }
batch_norm = { momentum = 0.5, epsilon = 1e-3 }
augment = { flip = true, rotation_deg = 5.0 }
optimizer = { kind = "adamw", weight_decay = 0.01 }
schedule = { kind = "plateau", learning_rate = 1e-2, factor = 0.5, patience_epochs = 1 }
layers = [
  { kind = "conv", out = 4, stride = 2 },
  { kind = "residual", out = 16, stride = 2 },
  { kind = "flatten" },
  { kind = "dense", out = 870 },
]
EOF
fi
train=(./mien train --data data.mien --plain --no-pictures)
on "$home" "${train[@]}" --recipe recipe.toml --run run

# The first machine has a third of the time that the run took.
first=$work/first
cp "$home"/{mien.xz,data.mien,recipe.toml} "$first"
on "$first" xz --decompress mien.xz
minutes=$(awk -F, 'NR > 1 { s += $NF } END { printf "%.6f", s / 180 }' "$home/run/results.csv")
on "$first" "${train[@]}" --recipe recipe.toml --run run --max-minutes "$minutes"
done_there=$(epochs "$first/run")
{ [ "$done_there" -ge 1 ] && [ "$done_there" -lt "$(epochs "$home/run")" ]; } ||
  fail "the first machine did $done_there epochs of $(epochs "$home/run")"

# Only what a run goes on from is carried; then the first machine is gone.
second=$work/second
carried=(config.toml results.csv best last)
mkdir "$second/run"
while read -r file; do
  at_most "$PART_BYTES_MAX" "$first/run/$file"
  mkdir -p "$(dirname "$second/run/$file")"
  cp "$first/run/$file" "$second/run/$file"
done < <(cd "$first/run" && find "${carried[@]}" -type f)
[ $# -ge 3 ] || [ -e "$second/run/last/optimizer.mpk.001" ] || fail "no file was in parts"
rm -r "$first"

# The second machine goes on to the end with one command.
cp "$home"/{mien.xz,data.mien} "$second"
on "$second" xz --decompress mien.xz
on "$second" "${train[@]}" --resume run

diff <(curve "$home/run") <(curve "$second/run") || fail "the curve is another"
for which in best last; do
  for machine in "$home" "$second"; do
    # A file that says neither when nor where they were trained.
    on "$machine" ./mien quantize --run run --weights "$which" --precision float \
      --no-calibration --out "$which.postcard"
  done
  cmp {"$home","$second"}/"$which.postcard" || fail "the $which weights are others"
done
echo "carry: $(bytes "$home/mien.xz") bytes of program, $done_there epochs, then the rest: one run"
