# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# sources.sh - plants for the checks that read the sources.

# --- text ---
plant 'spdx: no licence' 'scripts/check spdx' \
    'docs/planted.md' <<'PLANT'
echo planted >docs/planted.md
PLANT
plant 'words: a path' 'scripts/check words' \
    'README.md' <<'PLANT'
printf 'see /%s/main\n' work >>README.md
PLANT
plant 'words: a person' 'scripts/check words' \
    'src/base/status.c:.*name it' <<'PLANT'
printf '/* A lock that no%s holds. */\n' body >>src/base/status.c
PLANT
plant 'words: a sentence' 'scripts/check words' \
    'src/base/status.c:.*name it' <<'PLANT'
printf '/* It ends.  W%s waits is woken. */\n' ho >>src/base/status.c
PLANT
plant 'words: a retired name' 'scripts/check words' \
    'README.md.*fault injection' <<'PLANT'
printf 'a device of mis%s\n' fortune >>README.md
PLANT
plant 'words: a row twice' 'scripts/check words' \
    'docs/locking.md.*already' <<'PLANT'
sed -i '/^| `SHRINKER`/p' docs/locking.md
PLANT
plant 'spelling: a typo' 'scripts/check spelling' \
    'README.md' <<'PLANT'
printf 'we rec%s mail\n' ieve >>README.md
PLANT
plant 'format: two spaces' 'scripts/check format' \
    'src/base/status.c.*clang-formatted' <<'PLANT'
echo 'int  zc_planted;' >>src/base/status.c
PLANT

# --- lines ---
plant 'lines: long function' 'scripts/check lines' \
    'zc_planted() has 62 lines' <<'PLANT'
{ echo 'void zc_planted(void)'; echo '{'; yes '    ;' | head -n 60
  echo '}'; } >>src/base/status.c
PLANT
plant 'lines: long file' 'scripts/check lines' \
    'src/base/status.c: .* lines, limit 800' <<'PLANT'
yes '' | head -n 800 >>src/base/status.c
PLANT
plant 'lines: long line' 'scripts/check lines' \
    '84 columns, limit 80' <<'PLANT'
printf '/* %78s */\n' x >>src/base/status.c
PLANT

# --- layers ---
plant 'layers: upward' 'scripts/check layers' \
    'layer 2 includes' <<'PLANT'
echo '#include <zcache/zspool.h>' >>src/base/options.c
PLANT
plant 'layers: sideways' 'scripts/check layers' \
    'pool includes .*compressor.h' <<'PLANT'
echo '#include <zcache/compressor.h>' >>src/zspool.c
PLANT
plant 'layers: tool looks inside' 'scripts/check layers' \
    'only public headers' <<'PLANT'
echo '#include "base/bits.h"' >tools/common/planted.h
PLANT
plant 'layers: a command looks into another' 'scripts/check layers' \
    'includes tools/sim/config.h; only public headers' <<'PLANT'
echo '#include "sim/config.h"' >>tools/estimate/estimate.c
PLANT
plant 'layers: public to private' 'scripts/check layers' \
    'a public header includes' <<'PLANT'
echo '#include "base/bits.h"' >>include/zcache/types.h
PLANT
plant 'layers: unknown file' 'scripts/check layers' \
    'not in docs/layers.txt' <<'PLANT'
echo >src/planted.h
PLANT
plant 'layers: unbuilt file' 'scripts/check layers' \
    'not in cmake/sources.cmake' <<'PLANT'
echo >src/pool/planted.c
PLANT
plant 'layers: upward call' 'scripts/check layers' \
    'pool calls zc_cache_last_put() of cache' <<'PLANT'
printf '%s\n' 'void zc_cache_last_put(void *context, zc_swp slot);' \
    'void zc_planted(void);' 'void zc_planted(void)' \
    '{' ' zc_cache_last_put((void *)0, (zc_swp){0});' '}' >>src/zspool.c
PLANT
plant 'layers: pthread' 'scripts/check layers' \
    'names pthread' <<'PLANT'
echo '#include <pthread.h>' >>src/base/status.c
PLANT
plant 'layers: thread local' 'scripts/check layers' \
    'names _Thread_local' <<'PLANT'
echo '_Thread_local int zc_planted;' >>src/base/status.c
PLANT
plant 'layers: atomics' 'scripts/check layers' \
    'names stdatomic.h' <<'PLANT'
echo '#include <stdatomic.h>' >>src/base/status.c
PLANT

