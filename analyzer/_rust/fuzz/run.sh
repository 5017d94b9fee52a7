#!/usr/bin/env bash
# run.sh SECONDS [TARGET...]: replays what was found before, then fuzzes each target for so long. See README.md.
# Exit status 1: a target crashed, hung or ran out of memory; its input lies in artifacts/TARGET/.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:?usage: run.sh SECONDS [TARGET...]}
shift
all=(container net framing message tls scan sigcomp ipsec)
targets=("${@:-${all[@]}}")

# libFuzzer is C++, and comes as source.
if ! command -v "${CXX:-c++}" >/dev/null; then
    echo "fuzz: skipped, there is no C++ compiler (${CXX:-c++}) to build libFuzzer with; Debian: apt-get install g++"
    exit 0
fi

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/../target}
bins=()
for target in "${targets[@]}"; do bins+=(--bin "$target"); done
RUSTC_WRAPPER=$PWD/instrument.sh cargo --config fuzzing.toml build --quiet --locked --release "${bins[@]}"

TMPDIR=$(mktemp -d) # where the target scan keeps its file
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT

longest=16384 # bytes of an input: some ten messages
shared=../../../../shared
shopt -s nullglob globstar
status=0
for target in "${targets[@]}"; do
    mkdir -p "corpus/$target" "artifacts/$target"
    seeds=(../../../sample_pcaps/*.pcap* seeds/"$target"/*)
    for file in "$shared"/captures/*; do
        [ -f "$file" ] && seeds+=("$file")
    done
    case $target in framing | message)
        for file in "$shared"/vectors/**; do
            [ -f "$file" ] && seeds+=("$file")
        done
        ;;
    esac
    for file in "${seeds[@]}"; do
        seed=corpus/$target/$(basename "$file")
        [ -e "$seed" ] || head -c "$longest" "$file" >"$seed"
    done

    bin=$CARGO_TARGET_DIR/release/$target
    log=artifacts/$target/log
    limits=("-max_len=$longest" -timeout=10 -rss_limit_mb=1024 "-artifact_prefix=artifacts/$target/" -print_final_stats=1)
    known=(regressions/"$target"/*)
    start=$SECONDS
    if [ ${#known[@]} -gt 0 ] && ! "$bin" "${limits[@]}" "${known[@]}" >"$log" 2>&1; then
        outcome="a known input crashes again"
    elif ! "$bin" "${limits[@]}" "-max_total_time=$seconds" "corpus/$target" "${known[@]+regressions/$target}" >"$log" 2>&1; then
        outcome="1 crash"
    else
        outcome="0 crashes"
    fi
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)
    printf '%-10s %9s runs %5s s  %s\n' "$target" "${runs:-0}" "$((SECONDS - start))" "$outcome"
    if [ "$outcome" != "0 crashes" ]; then
        status=1
        grep -E -A 2 -m 1 'panicked at|ERROR: libFuzzer' "$log" || tail -n 5 "$log"
        grep -E '^Running: |Test unit written to' "$log" | tail -n 1
        echo "all of it: $PWD/$log"
    fi
done
exit $status
