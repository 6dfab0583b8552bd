/* SPDX-License-Identifier: MIT */
/*
 * kernel_codec.c - see kernel_codec.h.
 *
 * The size of an object is what compr_data_size of the device grows by when the
 * page is written, directly (O_DIRECT): the write returns when it is done.  The
 * lock of a codec makes that difference the page's own.
 *
 * zram stores no page of one repeated word.  zswap does, unless the word is 0:
 * such a page is written with its last bit changed, and changed back when it is
 * read.  That costs no byte with lz4, which ends with literals, and few with
 * others.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* O_DIRECT */
#endif

#include "common/kernel_codec.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/ending.h"
#include "common/progress.h"

#ifndef O_DIRECT
#define O_DIRECT 0 /* a system without zram */
#endif

#define CONTROL "/sys/class/zram-control/"
#define PATH_BYTES 64
#define RETRY_MILLISECONDS 20
#define RETRIES 100

/* A page of zeros goes beside every so many pages, to know what the block layer
 * costs. */
#define PROBE_PAGES 16

/* Of the 4 bytes that an object has of its own: the slot, and this bit. */
#define CHANGED_BIT (UINT32_C(1) << 31)

/* The levels that zram takes. */
#define LEVEL_LEAST (-131072)
#define LEVEL_MOST 65537

/* The device of a codec.  At most two are in use: of --recompress. */
#define DEVICES_MOST 2
struct device {
    char id[24]; /* "1", [signals blocked]; "": there is none */
    int file;    /* of /dev/zram1, or -1 */
    int stat_file;
};

struct kernel_codec {
    struct zc_compressor compressor;
    char *name;
    int level;
    struct device *device; /* NULL: none */

    pthread_mutex_t lock;
    unsigned char *pages;   /* [lock] two, aligned: a copy, and zeros */
    uint64_t slot_count;    /* without that of the zeros, the last one */
    uint64_t used_slots;    /* [lock] */
    uint64_t stored_bytes;  /* [lock] compr_data_size */
    uint64_t read_pages;    /* [lock] */
    uint64_t whole_pages;   /* [lock] of which the size is a page's */
    uint64_t changed_pages; /* [lock] written with their last bit changed */
    uint64_t overhead;      /* [lock] nanoseconds, without the next two */
    uint64_t probe_least;   /* [lock] nanoseconds of the fastest probe */
    uint64_t probe_pages;   /* [lock] pages written and read beside them */
};

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* ---- the device ---- */

static struct device devices[DEVICES_MOST];

/* 0 or errno. */
static int write_text(const char *path, const char *text)
{
    int file = open(path, O_WRONLY | O_CLOEXEC);
    int error = 0;

    if (file < 0)
        return errno;
    if (write(file, text, strlen(text)) != (ssize_t)strlen(text))
        error = errno;
    (void)close(file);
    return error;
}

/* Safe in a signal handler.  The kernel removes no device that is open, and
 * another program may look at a new one for a moment. */
static void remove_device(struct device *device)
{
    if (device->id[0] == '\0')
        return;
    if (device->file >= 0)
        (void)close(device->file);
    if (device->stat_file >= 0)
        (void)close(device->stat_file);
    for (unsigned tries = 0; tries < RETRIES && write_text(CONTROL "hot_remove",
                                                           device->id) == EBUSY;
         tries++)
        (void)poll(NULL, 0, RETRY_MILLISECONDS);
    device->id[0] = '\0';
}

static void remove_devices(void)
{
    for (size_t i = 0; i < DEVICES_MOST; i++)
        remove_device(&devices[i]);
}

static bool is_any_device(void)
{
    for (size_t i = 0; i < DEVICES_MOST; i++) {
        if (devices[i].id[0] != '\0')
            return true;
    }
    return false;
}

static void drop_device(struct device *device)
{
    sigset_t old;

    ending_block(&old);
    remove_device(device);
    if (!is_any_device())
        ending_remove(remove_devices);
    ending_unblock(&old);
}

/* Reading hot_add adds a device, and gives its number.  0 or errno. */
static int read_number(struct device *device)
{
    int file = open(CONTROL "hot_add", O_RDONLY | O_CLOEXEC);
    ssize_t length;
    int error;

    if (file < 0)
        return errno;
    length = read(file, device->id, sizeof(device->id) - 1);
    error = errno;
    (void)close(file);
    if (length <= 0) {
        device->id[0] = '\0';
        return length < 0 ? error : EIO;
    }
    device->id[length] = '\0';
    device->id[strcspn(device->id, "\n")] = '\0';
    return 0;
}

/* NULL, and an error shown. */
static struct device *add_device(const char *name)
{
    struct device *device = devices[0].id[0] == '\0' ? &devices[0]
                                                     : &devices[1];
    const bool first = !is_any_device();
    sigset_t old;
    int error;

    ending_block(&old);
    *device = (struct device){.file = -1, .stat_file = -1};
    error = read_number(device);
    if (error == 0 && first)
        ending_add(remove_devices);
    ending_unblock(&old);
    if (error == 0)
        return device;
    if (error == ENOENT)
        message_error("%s: this kernel has no zram: " CONTROL "hot_add is not "
                      "there; where it is a module, \"modprobe zram\" loads it",
                      name);
    else if (error == EACCES || error == EPERM)
        message_error("%s: no right to add a zram device by " CONTROL
                      "hot_add; root has it",
                      name);
    else
        message_error("%s: the kernel adds no zram device: %s", name,
                      strerror(error));
    return NULL;
}

static const char *attribute_path(const struct device *device,
                                  const char *attribute, char *path)
{
    (void)snprintf(path, PATH_BYTES, "/sys/block/zram%.8s/%s", device->id,
                   attribute);
    return path;
}

/* False, and an error shown. */
static bool set_attribute(const struct device *device, const char *name,
                          const char *attribute, const char *text)
{
    char path[PATH_BYTES];
    int error = write_text(attribute_path(device, attribute, path), text);

    if (error != 0)
        message_error("%s: the kernel refuses %s \"%s\": %s", name, path, text,
                      strerror(error));
    return error == 0;
}

/* The file of a device appears a moment after the device. */
static bool open_device(struct device *device, const char *name)
{
    char path[PATH_BYTES];
    unsigned tries = 0;

    device->stat_file =
        open(attribute_path(device, "mm_stat", path), O_RDONLY | O_CLOEXEC);
    if (device->stat_file >= 0) {
        (void)snprintf(path, sizeof(path), "/dev/zram%.8s", device->id);
        do {
            device->file = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
        } while (device->file < 0 && errno == ENOENT && ++tries < RETRIES &&
                 poll(NULL, 0, RETRY_MILLISECONDS) == 0);
    }
    if (device->file < 0)
        message_error("%s: cannot open %s: %s", name, path, strerror(errno));
    return device->file >= 0;
}

/* compr_data_size, the second number of mm_stat; false: the read failed. */
static bool read_stored_bytes(const struct device *device, uint64_t *bytes_out)
{
    char text[256];
    ssize_t length = pread(device->stat_file, text, sizeof(text) - 1, 0);

    if (length <= 0)
        return false;
    text[length] = '\0';
    return sscanf(text, "%*u %" SCNu64, bytes_out) == 1;
}

/* ---- the compressor ---- */

/* Every context is the codec. */
static zc_status create_context(const struct zc_compressor *self,
                                size_t page_size, int level, void **context_out)
{
    (void)page_size;
    (void)level;
    *context_out = (void *)(uintptr_t)self; /* its first field */
    return ZC_OK;
}

static void destroy_context(void *context)
{
    (void)context;
}

static void take_lock(struct kernel_codec *codec)
{
    const uint64_t began = clock_nanoseconds();

    (void)pthread_mutex_lock(&codec->lock);
    codec->overhead += clock_nanoseconds() - began;
}

/* Writes or reads a page of zeros, every few pages. */
static void probe(struct kernel_codec *codec, bool writing)
{
    unsigned char *zeros = codec->pages + page_bytes();
    const off_t at = (off_t)(codec->slot_count * page_bytes());
    const uint64_t began = clock_nanoseconds();
    uint64_t time;
    ssize_t done;

    if (writing)
        done = pwrite(codec->device->file, zeros, page_bytes(), at);
    else
        done = pread(codec->device->file, zeros, page_bytes(), at);
    time = clock_nanoseconds() - began;
    codec->overhead += time;
    if (done == (ssize_t)page_bytes() && time < codec->probe_least)
        codec->probe_least = time;
}

/* Writes the copy to the next slot, and finds out its size. */
static zc_status write_copy(struct kernel_codec *codec, uint32_t *slot_out,
                            size_t *size_out)
{
    const uint64_t before = codec->stored_bytes;
    uint64_t began;

    *slot_out = (uint32_t)codec->used_slots;
    if (codec->used_slots == codec->slot_count ||
        pwrite(codec->device->file, codec->pages, page_bytes(),
               (off_t)(codec->used_slots * page_bytes())) !=
            (ssize_t)page_bytes())
        return ZC_NO_MEMORY;
    codec->used_slots++;
    began = clock_nanoseconds();
    if (!read_stored_bytes(codec->device, &codec->stored_bytes))
        return ZC_NO_MEMORY;
    codec->overhead += clock_nanoseconds() - began;
    *size_out = (size_t)(codec->stored_bytes - before);
    return *size_out >= sizeof(*slot_out) && *size_out <= page_bytes()
               ? ZC_OK
               : ZC_IO_ERROR; /* not a size that a page can have */
}

static zc_status compress(void *context, int level, const void *page,
                          size_t page_size, void *data_out, size_t capacity,
                          size_t *size_out)
{
    struct kernel_codec *codec = context;
    const unsigned char *bytes = page;
    const bool change = memcmp(bytes, bytes + sizeof(uint64_t),
                               page_size - sizeof(uint64_t)) == 0;
    zc_status status;
    uint32_t slot;

    (void)level;
    (void)capacity; /* a page, at least */
    take_lock(codec);
    memcpy(codec->pages, page, page_size);
    codec->pages[page_size - 1] ^= change;
    codec->probe_pages++;
    if (codec->used_slots % PROBE_PAGES == 0)
        probe(codec, true);
    status = write_copy(codec, &slot, size_out);
    if (status == ZC_OK) {
        codec->changed_pages += change;
        codec->whole_pages += *size_out == page_size;
        memset(data_out, 0, *size_out);
        slot |= change ? CHANGED_BIT : 0;
        memcpy(data_out, &slot, sizeof(slot));
    }
    (void)pthread_mutex_unlock(&codec->lock);
    return status;
}

static zc_status decompress(void *context, const void *data, size_t size,
                            void *page_out, size_t page_size)
{
    struct kernel_codec *codec = context;
    zc_status status = ZC_CORRUPT;
    uint32_t word;
    uint32_t slot;

    if (size < sizeof(word))
        return ZC_CORRUPT;
    memcpy(&word, data, sizeof(word));
    slot = word & ~CHANGED_BIT;
    take_lock(codec);
    codec->probe_pages++;
    if (codec->read_pages++ % PROBE_PAGES == 0)
        probe(codec, false);
    if (slot < codec->used_slots &&
        pread(codec->device->file, codec->pages, page_size,
              (off_t)(slot * page_size)) == (ssize_t)page_size) {
        codec->pages[page_size - 1] ^= (word & CHANGED_BIT) != 0;
        memcpy(page_out, codec->pages, page_size);
        status = ZC_OK;
    }
    (void)pthread_mutex_unlock(&codec->lock);
    return status;
}

/* ---- the codec ---- */

/* Is the name among those of comp_algorithm, "[lzo-rle] lzo lz4"? */
static bool is_listed(char *list, const char *name)
{
    const size_t length = strlen(name);
    bool listed = false;

    for (char *at = list; *at != '\0';) {
        size_t word = strcspn(at, "[] \n");

        listed = listed ||
                 (word == length && word != 0 && memcmp(at, name, word) == 0);
        at += word + (at[word] != '\0');
    }
    return listed;
}

/* Appends "lzo-rle, lzo, lz4". */
static void print_listed(struct text *text, const char *list)
{
    bool first = true;

    while (*list != '\0') {
        size_t word = strcspn(list, "[] \n");

        if (word != 0) {
            text_print(text, "%s%.*s", first ? "" : ", ", (int)word, list);
            first = false;
        }
        list += word + (list[word] != '\0');
    }
}

/* Asks a device for its algorithms; false, and an error shown. */
static bool check_name(const char *option, const struct kernel_codec *codec)
{
    struct device *device = add_device(codec->compressor.name);
    struct text list = {0};
    struct text known = {0};
    char path[PATH_BYTES];
    bool good;
    int error;

    if (device == NULL)
        return false;
    error = text_append_file(
        &list, attribute_path(device, "comp_algorithm", path), PROC_BYTES_MOST);
    good = error == 0 && is_listed(list.bytes, codec->name);
    if (error != 0) {
        message_error("%s: cannot read %s: %s", option, path, strerror(error));
    } else if (!good) {
        print_listed(&known, list.bytes);
        message_error("%s: zram of this kernel has no codec \"%s\"; it has: %s",
                      option, codec->name, known.bytes);
    }
    drop_device(device);
    text_free(&list);
    text_free(&known);
    return good;
}

/* "zstd:9" */
static bool parse_name(const char *option, struct kernel_codec *codec)
{
    char *colon = strchr(codec->name, ':');

    codec->level = ZC_LEVEL_DEFAULT;
    if (colon == NULL)
        return true;
    *colon = '\0';
    if (number_parse_signed(colon + 1, LEVEL_LEAST, LEVEL_MOST, &codec->level))
        return true;
    message_error("%s: %s%s has no level \"%s\"; levels of zram are %d to %d",
                  option, KERNEL_CODEC_PREFIX, codec->name, colon + 1,
                  LEVEL_LEAST, LEVEL_MOST);
    return false;
}

struct kernel_codec *kernel_codec_find(const char *option, const char *name)
{
    struct kernel_codec *codec = memory_allocate(1, sizeof(*codec));
    struct text label = {0};

    text_print(&label, KERNEL_CODEC_PREFIX "%s", name);
    *codec = (struct kernel_codec){
        .compressor = {.struct_size = sizeof(codec->compressor),
                       .name = label.bytes,
                       .level_min = LEVEL_LEAST,
                       .level_max = LEVEL_MOST,
                       .context_create = create_context,
                       .context_destroy = destroy_context,
                       .compress = compress,
                       .decompress = decompress},
        .name = memory_copy_text(name)};
    (void)pthread_mutex_init(&codec->lock, NULL);
    if (parse_name(option, codec) && check_name(option, codec))
        return codec;
    kernel_codec_free(codec);
    return NULL;
}

void kernel_codec_free(struct kernel_codec *codec)
{
    if (codec == NULL)
        return;
    (void)pthread_mutex_destroy(&codec->lock);
    free((char *)(uintptr_t)codec->compressor.name);
    free(codec->name);
    free(codec);
}

const struct zc_compressor *kernel_codec_compressor(
    const struct kernel_codec *codec)
{
    return &codec->compressor;
}

int kernel_codec_level(const struct kernel_codec *codec)
{
    return codec->level;
}

/* Sets the device up and opens it; false, and an error shown. */
static bool set_up(const struct kernel_codec *codec)
{
    const char *name = codec->compressor.name;
    char text[64];

    if (!set_attribute(codec->device, name, "comp_algorithm", codec->name))
        return false;
    if (codec->level != ZC_LEVEL_DEFAULT) {
        (void)snprintf(text, sizeof(text), "level=%d", codec->level);
        if (!set_attribute(codec->device, name, "algorithm_params", text))
            return false;
    }
    (void)snprintf(text, sizeof(text), "%" PRIu64,
                   (codec->slot_count + 1) * page_bytes());
    return set_attribute(codec->device, name, "disksize", text) &&
           open_device(codec->device, name);
}

bool kernel_codec_begin(struct kernel_codec *codec, uint64_t pages)
{
    void *memory;

    codec->device = add_device(codec->compressor.name);
    if (codec->device == NULL)
        return false;
    codec->slot_count = pages;
    codec->used_slots = codec->stored_bytes = codec->read_pages = 0;
    codec->whole_pages = codec->changed_pages = codec->overhead = 0;
    codec->probe_least = UINT64_MAX;
    codec->probe_pages = 0;
    if (posix_memalign(&memory, page_bytes(), 2 * page_bytes()) != 0)
        memory = NULL;
    codec->pages = memory;
    if (memory == NULL)
        message_error("%s: no memory", codec->compressor.name);
    else
        memset(memory, 0, 2 * page_bytes());
    if (memory != NULL && set_up(codec))
        return true;
    kernel_codec_end(codec);
    return false;
}

void kernel_codec_end(struct kernel_codec *codec)
{
    drop_device(codec->device);
    codec->device = NULL;
    free(codec->pages);
    codec->pages = NULL;
}

uint64_t kernel_codec_overhead(struct kernel_codec *codec)
{
    uint64_t overhead;

    (void)pthread_mutex_lock(&codec->lock);
    /* Of noisy times the least: more than it would be taken from the codec. */
    overhead = codec->overhead;
    if (codec->probe_least != UINT64_MAX)
        overhead += codec->probe_least * codec->probe_pages;
    codec->overhead = codec->probe_pages = 0;
    codec->probe_least = UINT64_MAX;
    (void)pthread_mutex_unlock(&codec->lock);
    return overhead;
}

void kernel_codec_describe(const struct kernel_codec *codec, struct text *text)
{
    struct utsname system;

    text_print_sentence(
        text,
        "Linux %s compressed %" PRIu64 " pages in a zram device of its own; a "
        "size that takes a page alone it reports as %zu (%" PRIu64
        " pages). Times are without those of the block layer.",
        uname(&system) == 0 ? system.release : "", codec->used_slots,
        page_bytes(), codec->whole_pages);
    if (codec->changed_pages != 0)
        text_print_sentence(text,
                            "zram stores no same-filled page, and zswap does: "
                            "the sizes of %" PRIu64 " are those with the last "
                            "bit changed.",
                            codec->changed_pages);
}
