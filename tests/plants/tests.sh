# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# tests.sh - plants for the tests, the analysers and the lab.

# --- compilers and analysers ---
plant 'compile: gcc warning' 'scripts/check compile dev' \
    'Werror=conversion' <<'PLANT'
printf 'int zc_planted(long);\nint zc_planted(long a)\n{\n return a;\n}\n' \
    >>src/base/status.c
PLANT
plant 'compile: unchecked status' 'scripts/check compile dev' \
    'Werror=unused-result' <<'PLANT'
printf '%s\n' '#include <zcache/zcache.h>' 'void zc_planted(void);' \
    'void zc_planted(void)' '{' ' struct zc_cache *cache;' \
    ' zc_cache_create(NULL, &cache);' '}' >>src/base/status.c
PLANT
plant 'tidy: lock not released' 'scripts/check tidy src/base/status.c' \
    'thread-safety' <<'PLANT'
printf '%s\n' '#include "platform/lock.h"' \
    'void zc_planted(struct zc_mutex *mutex);' \
    'void zc_planted(struct zc_mutex *mutex)' '{' ' zc_mutex_lock(mutex);' \
    '}' >>src/base/status.c
PLANT
plant 'tidy: lock not held' 'scripts/check tidy src/base/status.c' \
    'thread-safety' <<'PLANT'
printf '%s\n' '#include "platform/lock.h"' \
    'void zc_planted(struct zc_mutex *mutex) ZC_REQUIRES(mutex);' \
    'void zc_caller(struct zc_mutex *mutex);' \
    'void zc_caller(struct zc_mutex *mutex)' '{' ' zc_planted(mutex);' \
    '}' >>src/base/status.c
PLANT
plant 'cppcheck: past the end' 'scripts/check cppcheck' \
    'arrayIndexOutOfBounds' <<'PLANT'
printf '%s\n' 'int zc_planted(void);' 'int zc_planted(void)' '{' \
    ' int a[2] = {0, 0};' ' return a[2];' '}' >>src/base/status.c
PLANT
plant 'tidy: bare macro argument' 'scripts/check tidy src/base/status.c' \
    'bugprone-macro-parentheses' <<'PLANT'
echo '#define PLANTED(x) x + 1' >>src/base/status.c
PLANT
plant 'analyzer: null dereference' 'scripts/check analyzer src/base/status.c' \
    'clang-analyzer-core.NullDereference' <<'PLANT'
printf '%s\n' 'int zc_planted(const int *p);' 'int zc_planted(const int *p)' \
    '{' ' if (p == 0)' '  return *p;' ' return 0;' '}' >>src/base/status.c
PLANT

plant 'compile: clang warning' 'scripts/check compile clang' \
    'Werror,-Wcomma' <<'PLANT'
printf 'int zc_planted(int a);\nint zc_planted(int a)\n{\n return a++, a;\n}\n' \
    >>lab/engine/run.c
PLANT

# --- tests ---

# The planted test does what PLANTED_BODY says; without a body it passes.
mkdir -p tests/stress
cat >tests/stress/test_planted.c <<'TEST'
/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
static volatile int sum = INT_MAX;
static char *volatile kept;
static int counter;
static void *count(void *argument)
{
    (void)argument;
    counter++;
    return NULL;
}
int main(void)
{
    pthread_t thread;
    int planted = 0;
    if (planted == 1) {
        kept = malloc(4);
        memset(kept, 0, sum == INT_MAX ? 5 : 4);
        free(kept);
    }
    if (planted == 2) {
        kept = malloc(4);
        kept = NULL;
    }
    if (planted == 3)
        sum = sum + 1;
    if (planted == 4 && !pthread_create(&thread, NULL, count, NULL)) {
        count(NULL);
        pthread_join(thread, NULL);
    }
    return planted == 5;
}
TEST
echo 'zc_test(stress planted)' >>tests/CMakeLists.txt
git add -A
git -c user.name=plants -c user.email=plants@localhost commit -q -m test

# plant_test NAME COMMAND EXPECTED NUMBER
plant_test() {
    plant "$1" "$2" "$3" <<PLANT
sed -i 's/planted = 0/planted = $4/' tests/stress/test_planted.c
PLANT
}
plant_test 'asan: past the end' 'scripts/check asan planted' \
    heap-buffer-overflow 1
plant_test 'asan: leak' 'scripts/check asan planted' \
    'LeakSanitizer: detected memory leaks' 2
plant_test 'asan: overflow' 'scripts/check asan planted' \
    'signed integer overflow' 3
plant_test 'tsan: race' 'scripts/check tsan planted' 'data race' 4
plant_test 'test: failure' 'scripts/test -R planted' 'stress.planted (Failed)' 5
plant 'test: nothing selected' 'scripts/test -R planted' \
    'No tests were found' <<'PLANT'
sed -i '/zc_test(stress planted)/d' tests/CMakeLists.txt
PLANT
plant 'effects: an option ignored' 'scripts/test -R effects.structs' \
    'no_same_filled.* (A, B) must pass, and fails' <<'PLANT'
sed -i 's/options->no_same_filled == 0;/options->no_same_filled <= 1;/' \
    src/zswap/zswap.c
PLANT
plant 'effects: an option inverted' 'scripts/test -R effects.structs' \
    'shrink_worker.* (A, B) must pass, and fails' <<'PLANT'
sed -i 's/options->shrink_worker != 0/options->shrink_worker == 0/' \
    src/swap/shrinker.c
PLANT
plant 'effects: a row that cannot fail' 'scripts/test -R effects.structs' \
    'checksums.* (A, A) must fail, and passes' <<'PLANT'
sed -i 's/finds_damage, IS, 0, 1/finds_damage, AT_MOST, 1, 0/' \
    tests/effects/of_cache.c
PLANT
consumer='ctest --test-dir build/dev --output-on-failure -R consumer'
plant 'consumer: pkg-config' "$consumer.pkg_config_c_static" \
    'undefined reference' <<'PLANT'
sed -i '/^Requires/d' cmake/zcache.pc.in
PLANT
plant 'consumer: find_package' "$consumer.find_package_c_static" \
    'does not find liblz4' <<'PLANT'
sed -i 's/IMPORTED_TARGET lib/IMPORTED_TARGET no/' cmake/zcacheConfig.cmake.in
PLANT
plant 'consumer: header left out' "$consumer.find_package_c_shared" \
    'types.h' <<'PLANT'
sed -i '/zcache\/types.h/d' cmake/sources.cmake
PLANT

# --- the lab: a function loses its spinlock, and races with another ---
# without_lock FILE FUNCTION SCENARIO
without_lock() {
    plant "lab: no lock in $2" "cmake --preset dev >/dev/null &&
        cmake --build --preset dev --target zcrace >/dev/null &&
        build/dev/lab/zcrace run $3" \
        '^problem: data race' <<PLANT
sed -i '/^[a-z].*\\<$2(/,/^}/ { /zc_spinlock_\\(un\\)\\?lock(/d }' $1
PLANT
}
without_lock src/tree.c zc_tree_erase double-invalidate
without_lock src/tree.c zc_tree_get double-invalidate
without_lock src/pool/kernel_compact.c zc_kernel_compact_step \
    compact-free-kernel

# --- scripts/check itself ---
mkdir -p build/bin
ln -sf /usr/bin/* /bin/* build/bin/
ln -sf "$(command -v codespell)" "$(command -v python3)" build/bin/
# shellcheck disable=SC2016 # expanded by the check's own shell
plant 'check: a tool is missing' \
    'PATH=$PWD/build/bin CI=true scripts/check spelling spdx' \
    'missing tool: codespell' <<'PLANT'
rm build/bin/codespell
PLANT
