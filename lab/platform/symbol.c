/* SPDX-License-Identifier: MIT */
/*
 * symbol.c - names of static variables, from the symbol table of the program.
 *
 * The dynamic loader knows only exported names.  The table of all symbols is in
 * the file, unless the program was stripped; it is read when the first name is
 * asked for.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* dl_iterate_phdr() */
#endif

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oracle/memory.h"

#define TYPE_OF(info) ((info)&0xf) /* of both sizes of ELF */

static const ElfW(Sym) * symbols;
static size_t symbol_count;
static const char *names;
static size_t names_size;
static uintptr_t bias; /* where the program is, minus where its file says */

static int find_bias(struct dl_phdr_info *info, size_t size, void *argument)
{
    (void)size;
    (void)argument;
    bias = info->dlpi_addr;
    return 1; /* the first one is the program */
}

/* Whether a part of the file lies within it. */
static bool is_within(const ElfW(Shdr) * section, size_t size)
{
    return section->sh_offset <= size &&
           section->sh_size <= size - section->sh_offset;
}

static void use_file(const char *file, size_t size)
{
    const ElfW(Ehdr) *head = (const void *)file;
    const ElfW(Shdr) * sections;

    if (size < sizeof(*head) || memcmp(file, ELFMAG, SELFMAG) != 0 ||
        head->e_shoff > size ||
        (size - head->e_shoff) / sizeof(*sections) < head->e_shnum)
        return;
    sections = (const void *)(file + head->e_shoff);
    for (unsigned i = 0; i < head->e_shnum; i++) {
        const ElfW(Shdr) *section = &sections[i];

        if (section->sh_type != SHT_SYMTAB ||
            section->sh_link >= head->e_shnum || !is_within(section, size) ||
            !is_within(&sections[section->sh_link], size))
            continue;
        symbols = (const void *)(file + section->sh_offset);
        symbol_count = section->sh_size / sizeof(*symbols);
        names = file + sections[section->sh_link].sh_offset;
        names_size = sections[section->sh_link].sh_size;
    }
}

static void read_table(void)
{
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    struct stat about;
    void *memory;

    if (file < 0)
        return;
    if (fstat(file, &about) == 0 && about.st_size > 0) {
        memory =
            mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, file, 0);
        if (memory != MAP_FAILED)
            use_file(memory, (size_t)about.st_size);
    }
    (void)close(file);
    (void)dl_iterate_phdr(find_bias, NULL);
}

void lab_symbols_find(void)
{
    static bool asked;

    if (!asked)
        read_table();
    asked = true;
}

const char *lab_symbol_of(const void *address, size_t *offset_out)
{
    uintptr_t at;

    lab_symbols_find();
    at = (uintptr_t)address - bias;
    for (size_t i = 0; i < symbol_count; i++) {
        if (TYPE_OF(symbols[i].st_info) != STT_OBJECT ||
            at - symbols[i].st_value >= symbols[i].st_size ||
            symbols[i].st_name >= names_size)
            continue;
        *offset_out = at - symbols[i].st_value;
        return names + symbols[i].st_name;
    }
    return NULL;
}

const char *lab_data_name(const void *address)
{
    static char texts[8][128]; /* that may be in use at a time */
    static unsigned next;
    char *text = texts[next++ % 8];
    const char *symbol;
    const char *file = NULL;
    size_t offset = 0;
    Dl_info info;

    symbol = lab_symbol_of(address, &offset);
    if (symbol == NULL && dladdr(address, &info) != 0) {
        symbol = info.dli_sname;
        file = info.dli_fname;
        offset = (size_t)((const char *)address - (const char *)info.dli_saddr);
    }
    if (symbol == NULL)
        (void)snprintf(text, sizeof(texts[0]), "%s %p",
                       file == NULL ? "memory at" : file, address);
    else if (offset == 0)
        (void)snprintf(text, sizeof(texts[0]), "%s", symbol);
    else
        (void)snprintf(text, sizeof(texts[0]), "%s+%zu", symbol, offset);
    return text;
}
