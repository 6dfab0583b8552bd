# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# code.sh - plants for the checks that build the library or a program.

every_option='scripts/test -R effects.every_option'

plant 'headers: not alone' 'scripts/check headers' \
    'planted.h: fails with gcc -std=c99' <<'PLANT'
echo 'size_t zc_planted(void);' >include/zcache/planted.h
PLANT
plant 'headers: not C++' 'scripts/check headers' \
    'fails with clang++ -std=c++17' <<'PLANT'
sed -i '$i int zc_planted(int class);' include/zcache/types.h
PLANT
plant 'headers: cannot grow' 'scripts/check headers' \
    'struct zc_planted does not begin with struct_size' <<'PLANT'
sed -i '$i struct zc_planted {\n    int first;\n};' include/zcache/types.h
PLANT
plant 'exports: foreign name' 'scripts/check exports' \
    'exports planted, which is not' <<'PLANT'
printf 'ZC_API int planted(void);\nint planted(void)\n{\n return 1;\n}\n' \
    >>src/base/status.c
PLANT
plant 'exports: undeclared' 'scripts/check exports' \
    'exports zc_planted, which no public header' <<'PLANT'
printf 'ZC_API int zc_planted(void);\nint zc_planted(void)\n{\n return 1;\n}\n' \
    >>src/base/status.c
PLANT
plant 'exports: undefined' 'scripts/check exports' \
    'declared with ZC_API and not exported' <<'PLANT'
sed -i 's/^ZC_END_DECLS/ZC_API int zc_planted(void);\n&/' \
    include/zcache/zcache.h
PLANT
plant 'switches: a codec not built' 'scripts/check switches' \
    'there is no codec "zstd"' <<'PLANT'
sed -i 's/zc_compressor_find("zstd") == NULL/false/' tools/common/variant.c
PLANT
plant 'effects: a field without a row' "$every_option" \
    'zc_owner_options.planted: no row' <<'PLANT'
sed -i 's/^    unsigned no_writeback;.*/&\n    unsigned planted;/' \
    include/zcache/zcache.h
PLANT
plant 'effects: an option without a row' "$every_option" \
    'zcache capture --planted: no row' <<'PLANT'
sed -i 's/^    "  --quiet .*/&\n    "  --planted\\n"/' tools/capture/capture.c
PLANT
plant 'effects: a word without a row' "$every_option" \
    'zc_zspool_options.placement: no row .* ZC_PLACEMENT_PLANTED' <<'PLANT'
sed -i 's/ZC_PLACEMENT_KERNEL = 2$/&,\n    ZC_PLACEMENT_PLANTED = 3/' \
    include/zcache/zspool.h
PLANT
plant 'rules: a switch' 'scripts/check rules' \
    'not the code that it is' <<'PLANT'
sed -i 's/^static inline/static volatile int zc_planted;\n&/
    s/return true;/return !zc_planted;/' \
    src/platform/posix/platform_impl/rule_impl.h
PLANT
plant 'rules: nothing hangs on it' 'scripts/check rules' \
    'nothing hangs on it' <<'PLANT'
sed -i 's/!ZC_RULE(TREE_REF_DROPPED_BY_UNLINKER)/(ZC_RULE(LRU_LAST), 0)/' \
    src/zswap/load.c
PLANT
plant 'rules: a broken block' 'scripts/check rules' \
    'src/zswap/load.c:.* more than one plain statement' <<'PLANT'
sed -i '/(!ZC_RULE(OWN_REF_OUTLIVES_INVALIDATE))$/ {
    s/$/ {/
    n
    s/.*/&\n&\n    }/
    }' src/zswap/load.c
PLANT
plant 'rules: a broken function' 'scripts/check rules' \
    'planted() exists for WRITEBACK_RECHECKS_TREE broken alone' <<'PLANT'
sed -i 's/ZC_BROKEN(trust_token(zswap, slot, token))/planted(zswap, slot)/
    s/^struct zc_entry \*zc_zswap_find/static struct zc_entry *planted(\
    struct zc_zswap *zswap, zc_swp slot)\n{\
    return zc_tree_get(\&zswap->tree, slot);\n}\n\n&/' src/zswap/evict.c
PLANT
plant 'matrix: another figure' 'scripts/check matrix' \
    'recorded' <<'PLANT'
sed -i '4s/"traces": /&1/' docs/evidence.json
PLANT
plant 'instructions: a slower call' 'scripts/check instructions' \
    'load, dense: .* +[0-9.]*%' <<'PLANT'
sed -i '/^zc_status zc_cache_load(/,/^{/ s/^{/&\
    for (volatile int planted = 0; planted < 8; planted++)\
        ;/' src/cache/slot.c
PLANT
plant 'snippets: unknown call' 'scripts/check snippets' \
    'does not build' <<'PLANT'
sed -i 's/zc_cache_load(/zc_cache_lode(/' README.md
PLANT
plant 'snippets: old diagram' 'scripts/check snippets' \
    'not the recorded one' <<'PLANT'
sed -i 's/^  zc_entry_get() .*/  zc_entry_get()/' README.md
PLANT
plant 'snippets: wrong answer' 'scripts/check snippets' \
    'does not run' <<'PLANT'
sed -i "s/back\[0\] == 'm'/back[0] == 'x'/" README.md
PLANT

