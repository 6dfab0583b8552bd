# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# checks.sh - what scripts/check runs: check_NAME() for each NAME.

check_spdx() { # each file names its licence: line 1, or line 2 after a #!
    # Not the licence itself, formats without comments, and diagrams as printed
    # by zcrace.
    sources | grep -vE '^(LICENSE|docs/races/.*\.txt|\.ci/run\.log)$' |
        grep -vE '\.(json|svg|png|bin)$' | xargs awk 'BEGIN {
            for (i = 1; i < ARGC; i++) {
                line = ""
                getline line <ARGV[i]
                if (line ~ /^#!/)
                    getline line <ARGV[i]
                close(ARGV[i])
                if (line !~ /SPDX-License-Identifier: MIT([^A-Za-z0-9]|$)/) {
                    print ARGV[i] ": no SPDX-License-Identifier: MIT"
                    bad = 1
                }
            }
            exit bad
        }'
}

check_format() { # clang-format 14 writes it like this; --fix: now it does
    formatter=clang-format
    if ! clang-format --version 2>/dev/null | grep -q 'version 14\.'; then
        need clang-format-14
        formatter=clang-format-14
    fi
    case ${1:-} in
    --fix) code | xargs "$formatter" -i ;;
    *) code | xargs -P "$(jobs)" -n 40 "$formatter" --dry-run -Werror ;;
    esac
}

check_words() { # docs/words.md
    sources | ./scripts/check-words
}

check_lines() { # functions to 60 lines, files to 800, 80 columns
    ./scripts/lines --check
}

check_spelling() { # codespell over everything; .codespellrc has the exceptions
    need codespell
    sources | grep -v '^\.codespellrc$' | xargs codespell
}

check_layers() { # docs/layers.txt
    need python3 nm
    code | ./scripts/check-layers includes
    build dev zcache
    code | ./scripts/check-layers symbols
}

check_exports() { # the shared library exports what its headers declare
    need python3 nm
    build release zcache
    ./scripts/check-headers build/release/src/libzcache.so
}

check_rules() { # outside the lab a rule is the constant true
    need python3 nm objcopy gcc
    build release zcache
    ./scripts/check-rules "$(jobs)"
}

check_snippets() { # the examples in the documents build and run
    build release zcache zcache_tool
    ./scripts/check-snippets
}

check_headers() { # each public header compiles alone; structs can grow
    need python3 gcc g++ clang clang++
    ./scripts/check-headers
}

# units PATTERN: the C files that clang compiles and whose names match, and what
# clang-tidy reads: one compilation of each.  gcc's compile database has options
# that clang does not know.
units() {
    need cmake ninja clang clang-tidy python3
    cmake --preset clang >/dev/null
    python3 - "$1" <<'PYTHON'
import json, os, re, sys
units = {}
for unit in json.load(open("build/clang/compile_commands.json")):
    path = os.path.relpath(unit["file"])
    if path.endswith(".c") and not path.startswith("build/"):
        units.setdefault(path, unit)
os.makedirs("build/clang/tidy", exist_ok=True)
with open("build/clang/tidy/compile_commands.json", "w") as out:
    json.dump(list(units.values()), out)
print("\n".join(path for path in sorted(units) if re.search(sys.argv[1], path)))
PYTHON
}

# clang_tidy [OPTION...]: over the files on standard input.  Each file has the
# warnings of clang, with its lock analysis, as well.
clang_tidy() {
    xargs -P "$(jobs)" -n 4 clang-tidy -p build/clang/tidy --quiet "$@"
}

check_compile() { # no warning of gcc, nor of clang and its lock analysis
    for preset in ${1:-dev clang}; do
        build "$preset" all
    done
}

check_tidy() { # clang's warnings and .clang-tidy without the slow analyzer
    # C only: the C++ header has the compilers' warnings.
    files=$(units "^(${1:-src/|tools/|examples/|plugins/})")
    echo "$files" | clang_tidy --checks='clang-diagnostic-*,-clang-analyzer-*'
}

check_analyzer() { # clang-tidy with its analyzer, over the tests as well
    files=$(units "^(${1:-.})")
    echo "$files" | clang_tidy
}

check_instructions() { # no call needs more than is recorded; --record: anew
    need cmake ninja gcc valgrind pkg-config python3
    ./scripts/check-instructions "$@"
}

check_switches() { # every build switch that no preset uses
    need cmake ninja gcc g++ clang clang++ pkg-config nm
    tests/consumer/switches
}

check_cppcheck() { # a second opinion over the library, the programs and the plug-in
    need cppcheck
    sources 'src/*.c' 'tools/*.c' 'examples/*.c' 'bench/*.c' 'plugins/*.c' |
        cppcheck --file-list=- --quiet --error-exitcode=1 --inline-suppr \
            --enable=warning,style,performance,portability --std=c11 \
            --suppressions-list=cmake/cppcheck-suppressions.txt -j "$(jobs)" \
            -D__GNUC__=12 -DZC_DEBUG_CHECKS=1 -DZC_WITH_LZ4=1 \
            -DZC_WITH_ZSTD=1 -Iinclude -Isrc -Isrc/platform/posix -Itools \
            --template='{file}:{line}: {severity}: {message} [{id}]'
}

check_matrix() { # the lab finds what is recorded in docs/; --record: anew
    need gcc addr2line
    build dev zcrace
    case ${1:-} in
    --record) # also if a verdict does not hold
        rm -f docs/races/*--*.txt
        build/dev/lab/zcrace matrix --record docs >build/checks/matrix.txt
        # The README shows one of the diagrams.
        awk '/^```text race / {
                print
                file = "docs/races/" $3 ".txt"
                while ((getline line < file) > 0) {
                    if (line ~ /^CPU#1/) shown = 1
                    if (line ~ /: allocated /) shown = 0
                    if (shown) print line
                }
                skipped = 1
                next
            }
            /^```/ { skipped = 0 }
            !skipped { print }' README.md >build/checks/README.md
        cat build/checks/README.md >README.md
        ;;
    *)
        build/dev/lab/zcrace matrix --check docs >build/checks/matrix.txt || {
            echo 'if that is as it should be: scripts/check matrix --record'
            return 1
        }
        tail -n 1 build/checks/matrix.txt
        ;;
    esac
}

# The tests that reach most under AddressSanitizer (leaks too) and UBSan; an
# argument is a regular expression of names instead.
check_asan() {
    need gcc clang
    build asan tests.inject tests.model tests.stress tests.tool
    ctest --preset asan -R "${1:-^(inject|model|stress|tool[.]tool_)}"
}

# The tests with threads under ThreadSanitizer; an argument chooses by name.
check_tsan() {
    need gcc
    build tsan tests.threads
    ctest --preset tsan -L '^threads$' -R "${1:-.}"
}

check_stress() { # stress tests for long; all other tests under the sanitizers
    ZC_STRESS_SECONDS=${1:-${STRESS:-600}}
    CMOCKA_TEST_ABORT=1
    ASAN_OPTIONS=detect_stack_use_after_return=1:detect_leaks=1
    TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
    UBSAN_OPTIONS=print_stacktrace=1
    export ZC_STRESS_SECONDS CMOCKA_TEST_ABORT
    export ASAN_OPTIONS TSAN_OPTIONS UBSAN_OPTIONS
    bad=0
    for preset in dev asan tsan; do
        build $preset all
        [ $preset = dev ] || ctest --preset $preset -LE '^stress$' || bad=1
        # Started directly: ctest would end them at their normal time limit.
        for stem in $(ctest --test-dir build/$preset -N -L '^stress$' |
            sed -n 's/^ *Test *#[0-9]*: stress\.//p'); do
            echo "== $preset: $stem for $ZC_STRESS_SECONDS s"
            "build/$preset/tests/test_$stem" || bad=1
        done
    done
    return $bad
}

check_whole() { # the tests that are too slow for every push
    build dev all
    ctest --preset dev -L '^slow$'
}

# Each acquisition of the library, or those with TEXT in their line: a scenario
# fails without it, or it is in the list; --record: write the list anew.
check_sites() {
    need gcc addr2line
    build dev zcrace
    set -- "${1:-}" "--sites${1:+=$1}" --check
    [ "$1" != --record ] || set -- "" --sites --record
    build/dev/lab/zcrace matrix "$2" "$3" tests/lab/sites.txt \
        >build/checks/sites.txt || {
        cat build/checks/sites.txt
        return 1
    }
    tail -n 2 build/checks/sites.txt
}

check_mutants() { # the tests notice small faults in the library
    need python3 cmake ninja gcc
    ./scripts/mutants "$@"
}

check_plants() { # every check still catches something
    need git tar cmake ninja gcc clang python3
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    sources | tar -cf - -T - | tar -xf - -C "$scratch"
    cd "$scratch" || exit
    tests/plants/plants "$@"
}
