# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# lib.sh - what the tests of the program share.  They are run as
#     tests/tool/NAME PROGRAM HOLDER
# and have a directory of their own, $dir, that goes away at the end.

for tool in python3 awk mktemp; do
    command -v $tool >/dev/null 2>&1 || {
        echo "missing tool: $tool (scripts/setup installs it)" >&2
        exit 77
    }
done

zcache=$1
# shellcheck disable=SC2034 # for those that need a process
holder=$2
tests=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
failures=0
helpers=

clean_up() {
    for helper in $helpers; do
        kill "$helper" 2>/dev/null
    done
    rm -rf "$dir"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

fail() {
    echo "FAIL: $*"
    failures=$((failures + 1))
}

# run STATUS WORD...: the program with these words; its output goes to
# $dir/out and $dir/err, and its exit status must be STATUS.
run() {
    wanted=$1
    shift
    status=0
    "$zcache" "$@" >"$dir/out" 2>"$dir/err" || status=$?
    if [ "$status" -ne "$wanted" ]; then
        fail "zcache $*: exit status $status instead of $wanted"
        sed 's/^/    /' "$dir/out" "$dir/err"
    fi
}

# out TEXT..., err TEXT...: what the last run said has each of these in it.
out() {
    for text in "$@"; do
        grep -qF -- "$text" "$dir/out" ||
            fail "not in the output: $text: $(cat "$dir/out")"
    done
}
err() {
    for text in "$@"; do
        grep -qF -- "$text" "$dir/err" ||
            fail "not in the messages: $text: $(cat "$dir/err")"
    done
}

# refuses TEXT... -- WORD...: exit status 2, nothing on standard output, and a
# message with each TEXT in it.
refuses() {
    texts=0
    for word in "$@"; do
        [ "$word" = -- ] && break
        texts=$((texts + 1))
    done
    # The words of the program behind, the texts in front.
    (
        shift $((texts + 1))
        run 2 "$@"
        [ -s "$dir/out" ] && fail "zcache $*: wrote: $(cat "$dir/out")"
        exit "$failures"
    ) || failures=$?
    while [ "$texts" -gt 0 ]; do
        err "$1"
        shift
        texts=$((texts - 1))
    done
}

# json EXPRESSION...: the last output is the promised JSON, and these hold.
json() {
    "$tests/json_check" "$dir/out" "$@" || fail "json: $(cat "$dir/out")"
}

# sim_json EXPRESSION...: the last output is the JSON of `zcache sim`, of a run
# that is o or of an array r, and these hold.
sim_json() {
    "$tests/sim_check" "$dir/out" "$@" || fail "json: $(cat "$dir/out")"
}

# sim STATUS WORD...: a small run as JSON.
small='--space-pages 600 --ops 4000'
sim() {
    status_wanted=$1
    shift
    # shellcheck disable=SC2086 # words
    run "$status_wanted" sim --json $small "$@"
}

# hold WORD...: starts the holder and waits until it is ready; sets $held.
hold() {
    hold_by "$holder" "$@"
}

# hold_by PROGRAM WORD...: the same with another program.
hold_by() {
    rm -f "$dir/ready" # that of an earlier one
    "$@" >"$dir/ready" 2>/dev/null &
    held=$!
    helpers="$helpers $held"
    tries=0
    until grep -q ready "$dir/ready" 2>/dev/null; do
        tries=$((tries + 1))
        [ "$tries" -le 400 ] || { fail "the holder is not ready"; break; }
        sleep 0.02
    done
}

finish() {
    [ "$failures" -eq 0 ] || exit 1
    exit 0
}
