# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# lib.sh - what the scripts share.  They source it first, which changes to the
# root of the tree.

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 1

# need TOOL...: ends the script with status 77 if one is missing.
need() {
    for tool in "$@"; do
        command -v "$tool" >/dev/null 2>&1 && continue
        echo "missing tool: $tool (scripts/setup installs it)" >&2
        exit 77
    done
}

# build PRESET TARGET...: builds these targets; prints only what fails.  A tree
# that is younger than the presets is not configured again: its tests may be
# running.
build() {
    preset=$1
    shift
    need cmake ninja
    mkdir -p build/checks
    {
        find "build/$preset/CMakeCache.txt" -newer CMakePresets.json |
            grep -q . || cmake --preset "$preset"
        cmake --build --preset "$preset" -j "$(jobs)" --target "$@"
    } >"build/checks/build-$preset.log" 2>&1 ||
        { cat "build/checks/build-$preset.log"; exit 1; }
}

# sources [PATTERN...]: the files of the tree, one a line: those that git tracks
# or does not ignore; outside git, all but build/ and compiled Python.
sources() {
    if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        git ls-files --cached --others --exclude-standard -- "$@"
    else
        find . \( -path ./build -o -name __pycache__ \) -prune -o \
            -type f -print | sed 's|^\./||' |
            filter_patterns "$@"
    fi | sort -u | while read -r file; do
        [ -f "$file" ] && echo "$file"
    done
}

filter_patterns() {
    [ $# -gt 0 ] || { cat; return; }
    while read -r file; do
        for pattern in "$@"; do
            # shellcheck disable=SC2254 # a pattern, on purpose
            case $file in $pattern) echo "$file"; break ;; esac
        done
    done
}

# code: the C and C++ files.
code() {
    sources '*.c' '*.h' '*.cpp' '*.hpp'
}

# jobs: the number of parallel jobs.
jobs() {
    echo "${JOBS:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)}"
}
