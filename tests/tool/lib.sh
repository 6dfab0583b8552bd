# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# lib.sh - what the tests of the program share.  They are run as
#     tests/tool/NAME PROGRAM HOLDER
# and have a directory of their own, $dir, that goes away at the end.

# A signal that is ignored when a shell starts stays so, in its children too:
# under nohup no test could end one.  So the test begins again without.
[ -n "${SIGNALS_AS_USUAL:-}" ] || ! command -v python3 >/dev/null 2>&1 ||
    SIGNALS_AS_USUAL=yes exec python3 -S -c 'import os, signal, sys
for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_SETMASK, [])
os.execv(sys.argv[1], sys.argv[1:])' "$0" "$@"

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
# shellcheck disable=SC3045 # where it is not there, core files come
ulimit -c 0 2>/dev/null || : # of programs that a test ends
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
    says "$dir/out" 'not in the output' "$@"
}
err() {
    says "$dir/err" 'not in the messages' "$@"
}
says() {
    said=$(cat "$1")
    complaint=$2
    shift 2
    for text in "$@"; do
        case $said in
        *"$text"*) ;;
        *) fail "$complaint: $text: $said" ;;
        esac
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
    said=$(cat "$dir/err")
    while [ "$texts" -gt 0 ]; do
        case $said in
        *"$1"*) ;;
        *) fail "not in the messages: $1: $said" ;;
        esac
        shift
        texts=$((texts - 1))
    done
}

# json EXPRESSION...: the last output is the promised JSON, and these hold.
# That is found out at the end: python3 is slow to start.
json() {
    keep_for json_check "$@"
}

# sim_json EXPRESSION...: the last output is the JSON of `zcache sim`, of a run
# that is o or of an array r, and these hold, as above.
sim_json() {
    keep_for sim_check "$@"
}

# keep_for CHECKER EXPRESSION...
outputs=0
keep_for() {
    checker=$1
    shift
    outputs=$((outputs + 1))
    cp "$dir/out" "$dir/out.$outputs"
    printf '%s\0' "$dir/out.$outputs" "$@" '' >>"$dir/$checker.list"
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
    within 'grep -q ready "$dir/ready"' || fail 'the holder is not ready'
}

# within CONDITION: it comes true in the next minute or so, on the busiest
# machine.
within() {
    looks=0
    until eval "$1" 2>/dev/null; do
        looks=$((looks + 1))
        [ "$looks" -le 3000 ] || return 1
        sleep 0.02
    done
}

# opened FILE: $runner has it open.  No process starts for that: what is open
# for a moment is met.
opened() {
    for link in /proc/"$runner"/fd/*; do
        # shellcheck disable=SC3013 # dash, bash and busybox have -ef
        [ "$link" -ef "$1" ] && return 0
    done
    return 1
}

finish() {
    for checker in json_check sim_check; do
        [ -e "$dir/$checker.list" ] || continue
        python3 -SB "$tests/$checker" --list "$dir/$checker.list" ||
            fail "$checker"
    done
    [ "$failures" -eq 0 ] || exit 1
    exit 0
}
