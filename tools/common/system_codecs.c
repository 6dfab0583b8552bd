/* SPDX-License-Identifier: MIT */
/*
 * system_codecs.c - zram and zswap of a kernel, by its files: which codecs they
 * have, and whether a device is free.
 *
 * Every device of zram lists the same ones.  zswap has those of the kernel's
 * crypto layer: what is registered is in /proc/crypto, and where modules can be
 * loaded, one that is installed is registered when it is asked for.  A file
 * that is not there leaves it open: a codec is missing only where a file says
 * so.  All of these files are only read.
 */
#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/system.h"

/* The compressors of the crypto layer; of other names nothing is known. */
static const char *const crypto_names[] = {"lzo-rle", "lzo",     "lz4", "lz4hc",
                                           "zstd",    "deflate", "842"};

#define CRYPTO_NAMES (sizeof(crypto_names) / sizeof(crypto_names[0]))

/* All of a file below the root; false if it cannot be read. */
static bool read_file(const char *root, const char *name, struct text *text)
{
    struct text path = {0};
    int error;

    text_print(&path, "%s%s", root, name);
    error = text_append_file(text, path.bytes, PROC_BYTES_MOST);
    text_free(&path);
    return error == 0;
}

/* "[lzo-rle] lzo lz4\n" -> "lzo-rle lzo lz4" */
static void keep_words(char *kept, size_t size, const char *text)
{
    size_t length = 0;

    for (; *text != '\0' && length + 1 < size; text++) {
        if (strchr("[]\n", *text) == NULL)
            kept[length++] = *text;
    }
    while (length > 0 && kept[length - 1] == ' ')
        length--;
    kept[length] = '\0';
}

static DIR *open_block(const char *root)
{
    struct text path = {0};
    DIR *folder;

    text_print(&path, "%s/sys/block", root);
    folder = opendir(path.bytes);
    text_free(&path);
    return folder;
}

/* The next device of zram in that folder, and its number; NULL: there is none,
 * and the folder is closed. */
static const char *next_zram(DIR *folder, uint64_t *number_out)
{
    const struct dirent *entry;

    if (folder == NULL)
        return NULL;
    while ((entry = readdir(folder)) != NULL) {
        if (strncmp(entry->d_name, "zram", 4) == 0 &&
            number_parse(entry->d_name + 4, 0, INT_MAX, number_out))
            return entry->d_name;
    }
    (void)closedir(folder);
    return NULL;
}

/* A file of a device; false if it cannot be read, or is empty. */
static bool read_zram(const char *root, const char *device, const char *file,
                      struct text *text)
{
    struct text name = {0};
    bool good;

    text_print(&name, "/sys/block/%s/%s", device, file);
    good = read_file(root, name.bytes, text) && text->length != 0;
    text_free(&name);
    return good;
}

static void find_zram_codecs(struct system_codecs *codecs, const char *root)
{
    DIR *folder = open_block(root);
    const char *device;
    uint64_t number;

    while ((device = next_zram(folder, &number)) != NULL) {
        struct text text = {0};

        if (!codecs->knows_zram &&
            read_zram(root, device, "comp_algorithm", &text)) {
            codecs->knows_zram = true;
            keep_words(codecs->zram, sizeof(codecs->zram), text.bytes);
        }
        text_free(&text);
    }
}

struct system_zram system_find_zram(const char *root)
{
    struct system_zram zram = {0};
    struct text control = {0};
    DIR *folder = open_block(root);
    uint64_t least = UINT64_MAX;
    const char *device;
    uint64_t number;

    text_print(&control, "%s/sys/class/zram-control", root);
    zram.is_loaded = access(control.bytes, F_OK) == 0;
    text_free(&control);
    while ((device = next_zram(folder, &number)) != NULL) {
        struct text size = {0};

        zram.is_loaded = true;
        if (number < least && read_zram(root, device, "disksize", &size) &&
            strcmp(size.bytes, "0\n") == 0)
            least = number;
        text_free(&size);
    }
    if (least != UINT64_MAX)
        (void)snprintf(zram.unset, sizeof(zram.unset), "zram%" PRIu64, least);
    return zram;
}

/* Can the kernel load a module?  /proc/modules is there where it has modules at
 * all. */
static bool may_load(const char *root)
{
    struct text text = {0};
    bool good = read_file(root, "/proc/modules", &text);

    text.length = 0;
    if (good && read_file(root, "/proc/sys/kernel/modules_disabled", &text))
        good = strncmp(text.bytes, "1", 1) != 0;
    text_free(&text);
    return good;
}

/* Adds the names of the modules that are installed; false: not known. */
static bool read_modules(const char *root, struct text *modules)
{
    static const char *const lists[] = {"modules.dep", "modules.builtin"};
    struct text release = {0};
    bool good = read_file(root, "/proc/sys/kernel/osrelease", &release);

    for (size_t i = 0; good && i < sizeof(lists) / sizeof(lists[0]); i++) {
        struct text name = {0};

        text_print(&name, "/lib/modules/%.*s/%s",
                   (int)strcspn(release.bytes, "\n"), release.bytes, lists[i]);
        good = read_file(root, name.bytes, modules) || i != 0;
        text_free(&name);
    }
    text_free(&release);
    return good;
}

static bool has(const struct text *text, const char *before, const char *name,
                const char *after)
{
    char words[64];

    (void)snprintf(words, sizeof(words), "%s%s%s", before, name, after);
    return text->length != 0 && strstr(text->bytes, words) != NULL;
}

static void find_zswap(struct system_codecs *codecs, const char *root)
{
    struct text crypto = {0};
    struct text modules = {0};
    size_t length = 0;

    if (!read_file(root, "/proc/crypto", &crypto) || crypto.length == 0) {
        text_free(&crypto);
        return;
    }
    codecs->may_load = may_load(root);
    codecs->knows_zswap = !codecs->may_load || read_modules(root, &modules);
    for (size_t i = 0; i < CRYPTO_NAMES; i++) {
        const char *name = crypto_names[i];

        if (has(&crypto, ": ", name, "\n") ||
            has(&modules, "crypto/", name, ".ko"))
            length += (size_t)snprintf(codecs->zswap + length,
                                       sizeof(codecs->zswap) - length, "%s%s",
                                       length == 0 ? "" : " ", name);
    }
    text_free(&crypto);
    text_free(&modules);
}

struct system_codecs system_find_codecs(const char *root)
{
    struct system_codecs codecs = {0};

    find_zram_codecs(&codecs, root);
    find_zswap(&codecs, root);
    return codecs;
}

static bool is_word_of(const char *list, const char *name)
{
    const size_t length = strlen(name);

    for (const char *at = list; (at = strstr(at, name)) != NULL; at++) {
        if ((at == list || at[-1] == ' ') &&
            (at[length] == ' ' || at[length] == '\0'))
            return true;
    }
    return false;
}

enum system_has system_has_codec(const struct system_codecs *codecs, bool zram,
                                 const char *name)
{
    bool is_known = zram && codecs->knows_zram;

    if (is_word_of(zram ? codecs->zram : codecs->zswap, name))
        return SYSTEM_HAS;
    for (size_t i = 0; !zram && codecs->knows_zswap && i < CRYPTO_NAMES; i++)
        is_known |= strcmp(crypto_names[i], name) == 0;
    return is_known ? SYSTEM_HAS_NOT : SYSTEM_MAY_HAVE;
}
