# SPDX-License-Identifier: MIT
"""faults.py - which small faults could be put into a source file, and which of
them scripts/mutants draws."""
import collections
import hashlib
import itertools
import re
import sys

DESCRIBED = "tests/mutants/described.txt"
IF = "zc_fault({n})"
# Included by every file of the copy.
CHOICE = """#ifndef ZC_FAULT_CHOICE
#define ZC_FAULT_CHOICE
/* Is this fault chosen?  Notes that it was asked for, also in a child. */
__attribute__((weak, visibility("hidden"))) int zc_fault_now;
__attribute__((weak, visibility("hidden"))) int zc_fault_file;
__attribute__((weak, visibility("hidden"))) char zc_fault_met[4096];
extern char *getenv(const char *);
extern int atoi(const char *);
extern long write(int, const void *, unsigned long);
__attribute__((weak, visibility("hidden"), constructor(101)))
void zc_fault_choose(void)
{ const char *text = getenv("ZC_FAULT"), *file = getenv("ZC_FAULT_MET");
  zc_fault_now = text ? atoi(text) : 0;
  zc_fault_file = file ? atoi(file) : -1; }
__attribute__((weak, visibility("hidden"))) void zc_fault_note(int number)
{ __atomic_store_n(&zc_fault_met[number], 1, __ATOMIC_RELAXED);
  if (zc_fault_file >= 0 && write(zc_fault_file, &number, sizeof(number)) < 0)
    zc_fault_file = -1; }
static inline int zc_fault(int number)
{ if (!__atomic_load_n(&zc_fault_met[number], __ATOMIC_RELAXED))
    zc_fault_note(number);
  return zc_fault_now == number; }
#endif
"""
# What only the lab or debug builds see.
SILENT = re.compile(r"annotate|may_block|note_|ASSERT")
Fault = collections.namedtuple("Fault", "path line function kind text edits")


def shown(fault):
    return f"{fault.path} {fault.function}(): {fault.kind}: {fault.text}"


def closing(text, start):
    """The place after the bracket that closes the one at `start`."""
    depth = 0
    for i in range(start, len(text)):
        depth += (text[i] in "([{") - (text[i] in ")]}")
        if depth == 0:
            return i + 1
    return len(text)


def blanked(text):
    """The text with comments, strings and directives as blanks."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group())
    return re.sub(r'/\*.*?\*/|"(\\.|[^"\\\n])*"|^#(?:[^\n]*\\\n)*[^\n]*|\'(\\.|[^\'])\'',
                  blank, text, flags=re.M | re.S)


def functions(code):
    """(name, start, end) of the body of each function."""
    for match in re.finditer(r"^\{", code, re.M):
        head = re.split(r"[;{}]", code[:match.start()])[-1]
        name = re.search(r"(\w+)\(", head)
        if name:
            yield name.group(1), match.start(), closing(code, match.start())


def arguments(code, start, end):
    """The places of the arguments between two brackets."""
    begin, depth = start + 1, 0
    for i in range(start + 1, end):
        depth += (code[i] in "([{") - (code[i] in ")]}")
        if depth < 0 or (depth == 0 and code[i] == ","):
            yield begin, i
            begin = i + 1


def candidates(path):
    """All faults that could be put into one file.  An edit is (start, end,
    text in which {n} is the fault's number and {old} what stood there)."""
    text = open(path, encoding="utf-8").read()
    code = blanked(text)
    for name, begin, end in functions(code):
        def fault(kind, start, stop, *edits, name=name):
            line = text.count("\n", 0, start) + 1
            shown = " ".join(text[start:stop].split())
            return Fault(path, line, name, kind, shown, edits)
        body = code[begin:end]
        for match in re.finditer(r"(?<=[;{})])\s+(zc_\w+|\w+)\(", body):
            start, word = begin + match.start(1), match.group(1)
            stop = closing(code, begin + match.end() - 1)
            if (code[stop:stop + 1] != ";" or SILENT.search(word) or
                    word in ("if", "while", "for")):
                continue
            lock = re.search(r"_lock$", word)
            if not lock and not word.endswith("unlock") and word.islower():
                yield fault("delete", start, stop,
                            (start, stop, f"({IF} ? (void)0 : (void){{old}})"))
            if lock:
                yield fault("unlocked", start, stop,
                            *pair_edits(text, begin, end, start, stop))
        for match in re.finditer(r"\b(if|while) \(", body):
            start = begin + match.end() - 1
            stop = closing(code, start)
            yield fault("negate", start, stop,
                        (start, stop, f"({IF} != !!{{old}})"))
        for match in re.finditer(r" < (?=\w)", body):
            at = begin + match.start()
            last = code.find("\n", at)
            first = code.rfind("\n", 0, at) + 1
            if "ASSERT" in code[first:last]:
                continue
            yield fault("<=", first, last,
                        (at, at + 3, f" < {IF} + "))
        for match in re.finditer(r" [-+] 1\b(?! *<<)", body):
            at = begin + match.end()
            first = code.rfind("\n", 0, at) + 1
            yield fault("off by one", first, code.find("\n", at),
                        (at - 1, at, f"(1 - {IF})"))
        for match in re.finditer(r"\b(zc_\w+|mem\w+|\w+)\(", body):
            start = begin + match.end() - 1
            stop = closing(code, start)
            places = list(arguments(code, start, stop))
            if (SILENT.search(match.group(1)) or match.group(1) in
                    ("if", "for", "while", "sizeof", "return")):
                continue
            for (a, b), (c, d) in zip(places, places[1:]):
                one, two = text[a:b].strip(), text[c:d].strip()
                if one == two or "\n" in text[start:stop]:
                    continue
                call = begin + match.start(1)
                other = (text[call:a] + two + ", " + one + text[d:stop])
                yield fault("swap", call, stop,
                            (call, stop, f"({IF} ? {other} : {{old}})"))


def pair_edits(text, begin, end, start, stop):
    """Drops the lock call between start and stop, and its unlocks."""
    word = re.match(r"\w+_", text[start:stop]).group()
    what = re.escape(text[text.index("(", start):stop])
    return tuple((begin + m.start(), begin + m.end(),
                  f"({IF} ? (void)0 : (void){{old}})")
                 for m in re.finditer(re.escape(word) + "(un)?lock" + what,
                                      text[begin:end]))


def find_described(path, function, old, new):
    """The fault, if this file has the function and the function the text."""
    text = open(path, encoding="utf-8").read()
    for name, begin, end in functions(blanked(text)):
        pattern = r"\s+".join(map(re.escape, old.split()))
        match = name == function and re.search(pattern, text[begin:end])
        if not match:
            continue
        a, b = begin + match.start(), begin + match.end()
        if new == "unlocked":
            edits = pair_edits(text, begin, end, a, b)
        else:
            other = "(void)0 : (void)" if new == "-" else f"({new}) : "
            edits = ((a, b, f"({IF} ? {other}({{old}}))"),)
        return Fault(path, text.count("\n", 0, a) + 1, function, "described",
                     f"{old} -> {new}", edits)
    return None


def described(paths):
    """The faults of the list, and the reasons of those that are none."""
    faults, excused = [], {}
    for line in open(DESCRIBED, encoding="utf-8"):
        if line.startswith("#") or not line.strip():
            continue
        function, rest = line.rstrip("\n").split(" | ", 1)
        old, new = rest.rsplit(" | ", 1)
        if function == "equivalent":
            excused[old] = new
            continue
        found = [find_described(path, function, old, new) for path in paths]
        if not any(found):
            sys.exit(f"{DESCRIBED}: no \"{old}\" in {function}()")
        faults.append(next(fault for fault in found if fault))
    return faults, excused


def draw(options, paths):
    """Of each module as many as its share of the lines, all kinds in turn; the
    rest of each list stands by for what does not compile.  The order is by a
    hash of the fault, so that a change of one function redraws no other."""
    modules = collections.defaultdict(list)
    lines = collections.Counter()
    for path in paths:
        module = path.split("/")[1]
        lines[module] += sum(1 for _ in open(path, encoding="utf-8"))
        modules[module] += candidates(path)
    drawn = []
    for module, faults in sorted(modules.items()):
        kinds = collections.defaultdict(list)
        for fault in faults:
            kinds[fault.kind].append(fault)
        for kind in kinds.values():
            kind.sort(key=lambda fault: hashlib.sha256(
                f"{options.seed} {shown(fault)}".encode()).digest())
        turns = itertools.zip_longest(*(kinds[kind] for kind in sorted(kinds)))
        share = options.count * lines[module] / sum(lines.values())
        drawn.append((max(1, round(share)),
                      [fault for turn in turns for fault in turn if fault]))
    return drawn


def choose(drawn, first, refused):
    """The described ones and the first of each module that do not overlap."""
    chosen, taken = [], set()
    for wanted, faults in [(len(first), first)] + drawn:
        left = wanted
        for fault in faults:
            spots = {(fault.path, i) for a, b, _ in fault.edits
                     for i in range(a, b)}
            if left and fault not in refused and not spots & taken:
                chosen.append(fault)
                taken |= spots
                left -= 1
    return chosen


