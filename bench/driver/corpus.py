# SPDX-License-Identifier: MIT
"""corpus - live anonymous pages of programs at work, one file a program.

Each program is started on an input that is at hand on most machines, watched
until it holds enough memory (or stops growing), stopped, and captured by
`zcache capture`.  The files may hold secrets of the machine: they stay in the
build folder and are readable by their owner only."""
import glob
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time

PAGE = 4096
RUN = 256  # pages taken side by side
TARGET_BYTES = 160 << 20  # resident, when a program is captured
STEADY_SECONDS = 4.0  # ... or when it has not grown for so long
TIMEOUT_SECONDS = 60.0

CXX_HEAD = """#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <unordered_map>
#include <vector>
"""

CXX_UNIT = """
struct record_%(n)d {
    std::string name; std::vector<double> values; int key;
    bool operator<(const record_%(n)d &other) const
    { return key < other.key || name < other.name; }
};
std::string work_%(n)d(const std::vector<std::string> &lines)
{
    static const std::regex pattern("([a-z]+)_%(n)d=([0-9]+)");
    std::map<std::string, std::set<record_%(n)d>> groups;
    std::unordered_map<std::string, std::shared_ptr<record_%(n)d>> index;
    for (const auto &line : lines) {
        std::smatch match;
        if (!std::regex_match(line, match, pattern)) continue;
        record_%(n)d made{match[1], {%(n)d.5, 2.0}, std::stoi(match[2])};
        groups[made.name].insert(made);
        index.emplace(made.name, std::make_shared<record_%(n)d>(made));
    }
    std::ostringstream out;
    for (auto &group : groups) {
        std::vector<record_%(n)d> sorted(group.second.begin(),
                                         group.second.end());
        std::sort(sorted.begin(), sorted.end());
        for (auto &each : sorted) out << each.name << ' ' << each.key << '\\n';
    }
    std::function<int(int)> steps = [&](int n)
    { return n < 2 ? n : steps(n - 1) + steps(n - 2) + (int)index.size(); };
    out << steps(%(n)d %% 7);
    return out.str();
}
"""

PYTHON_PROGRAM = """
import ast, glob, sys, time
kept = []
for path in sorted(glob.glob(sys.argv[1] + '/**/*.py', recursive=True)):
    try:
        text = open(path, encoding='utf-8').read()
        kept.append((path, text.split('\\n'), ast.parse(text)))
    except (SyntaxError, ValueError, OSError):
        pass
    if len(kept) == 900:
        break
time.sleep(600)
"""

NODE_PROGRAM = """
const fs = require('fs'), path = require('path');
const kept = [];
let words = new Map();
function walk(folder) {
    for (const entry of fs.readdirSync(folder, {withFileTypes: true})) {
        const full = path.join(folder, entry.name);
        if (kept.length > 30000) return;
        if (entry.isDirectory()) { walk(full); continue; }
        if (!/\\.(js|json|py|h|md)$/.test(entry.name)) continue;
        try {
            const text = fs.readFileSync(full, 'utf8');
            kept.push({full, lines: text.split('\\n').map(
                (line, number) => ({line, number, words: line.split(' ')}))});
            for (const word of text.split(/\\W+/))
                words.set(word, (words.get(word) || 0) + 1);
        } catch (error) { }
    }
}
process.argv.slice(1).forEach(walk);
setInterval(() => { kept.length; words.size; }, 1000);
"""


def stdlib():
    return sysconfig.get_paths()["stdlib"]


def text_lines(limit):
    """Lines of real text: the sources of Python's library."""
    lines = []
    for path in sorted(glob.glob(stdlib() + "/*.py")):
        with open(path, encoding="utf-8", errors="replace") as file:
            lines += [line.strip() for line in file if line.strip()]
        if len(lines) >= limit:
            break
    return lines


def start_cxx(folder):
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        return None
    with open(folder + "/work.cpp", "w", encoding="utf-8") as file:
        file.write(CXX_HEAD)
        for number in range(40):
            file.write(CXX_UNIT % {"n": number})
    return subprocess.Popen([compiler, "-O2", "-g", "-std=c++17", "-c",
                             "-o", "/dev/null", folder + "/work.cpp"])


def start_git(folder):
    if shutil.which("git") is None:
        return None
    tree = folder + "/tree"
    os.mkdir(tree)
    quiet = {"cwd": tree, "stdout": subprocess.DEVNULL,
             "stderr": subprocess.DEVNULL, "check": True}
    sources = [path for root in ("/usr/include", stdlib())
               for path in glob.glob(root + "/**/*.*", recursive=True)
               if os.path.isfile(path) and path.endswith((".h", ".py"))]
    subprocess.run(["git", "init"], **quiet)
    # A history: each commit changes a little in many files.
    rng = random.Random(1)
    for number, path in enumerate(sources[:6000]):
        shutil.copyfile(path, f"{tree}/{number}_{os.path.basename(path)}")
    names = sorted(os.listdir(tree))
    for commit in range(6):
        for name in rng.sample(names, len(names) // 2):
            if os.path.isfile(f"{tree}/{name}"):
                with open(f"{tree}/{name}", "a", encoding="utf-8") as file:
                    file.write(f"\n/* {commit} {rng.random()} */\n")
        subprocess.run(["git", "add", "-A"], **quiet)
        subprocess.run(["git", "-c", "user.name=bench", "-c",
                        "user.email=bench@localhost", "-c", "gc.auto=0",
                        "commit", "-qm", str(commit)], **quiet)
    objects = subprocess.run(["git", "rev-list", "--objects", "--all"],
                             cwd=tree, check=True, stdout=subprocess.PIPE)
    with open(folder + "/objects", "wb") as file:
        file.write(b"\n".join(line.split()[0] for line
                              in objects.stdout.splitlines()))
    with open(folder + "/objects", "rb") as stdin:
        return subprocess.Popen(
            ["git", "-c", "pack.threads=1", "pack-objects", "--window=250",
             "--depth=50", "--no-reuse-delta", folder + "/pack"],
            cwd=tree, stdin=stdin, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)


def start_python(folder):
    del folder
    return subprocess.Popen([sys.executable, "-c", PYTHON_PROGRAM, stdlib()])


def start_redis(folder):
    server, client = shutil.which("redis-server"), shutil.which("redis-cli")
    if server is None or client is None:
        return None
    socket = folder + "/redis.sock"
    process = subprocess.Popen(
        [server, "--port", "0", "--unixsocket", socket, "--save", "",
         "--appendonly", "no", "--dir", folder],
        stdout=subprocess.DEVNULL)
    rng = random.Random(2)
    lines = text_lines(60000)
    with open(folder + "/commands", "w", encoding="utf-8") as file:
        for key in range(420000):
            if key % 3 == 0:
                words = ["HSET", f"user:{key}", "name", rng.choice(lines)[:24],
                         "visits", str(rng.randrange(100000)), "last",
                         f"2024-05-{key % 28 + 1:02d}"]
            elif key % 3 == 1:
                words = ["SET", f"page:{key}", json.dumps(
                    {"id": key, "title": rng.choice(lines),
                     "body": rng.choice(lines) + rng.choice(lines)})]
            else:
                words = ["RPUSH", f"queue:{key % 5000}", rng.choice(lines)]
            file.write("".join([f"*{len(words)}\r\n"] + [
                f"${len(word.encode())}\r\n{word}\r\n" for word in words]))
    for _ in range(100):
        if os.path.exists(socket):
            break
        time.sleep(0.1)
    with open(folder + "/commands", "rb") as stdin:
        subprocess.run([client, "-s", socket, "--pipe"], stdin=stdin,
                       stdout=subprocess.DEVNULL, check=True)
    return process


def start_sqlite(folder):
    if shutil.which("sqlite3") is None:
        return None
    rng = random.Random(3)
    lines = text_lines(60000)
    with open(folder + "/script.sql", "w", encoding="utf-8") as file:
        file.write("create table item(id integer primary key, owner text, "
                   "note text, price real, at text);\n"
                   "create index by_owner on item(owner);\n"
                   "create index by_note on item(note, price);\nbegin;\n")
        for key in range(420000):
            note = rng.choice(lines).replace("'", "")
            file.write(f"insert into item values({key},'owner{key % 977}',"
                       f"'{note}',{rng.random() * 100:.2f},"
                       f"'2024-{key % 12 + 1:02d}-{key % 28 + 1:02d}');\n")
        file.write("commit;\n")
    process = subprocess.Popen(["sqlite3", ":memory:"], stdin=subprocess.PIPE,
                               stdout=subprocess.DEVNULL)
    with open(folder + "/script.sql", "rb") as file:
        shutil.copyfileobj(file, process.stdin)
    process.stdin.flush()
    return process


def start_node(folder):
    del folder
    if shutil.which("node") is None:
        return None
    roots = [root for root in ("/usr/lib/node_modules", "/usr/include",
                               stdlib()) if os.path.isdir(root)]
    return subprocess.Popen(["node", "-e", NODE_PROGRAM] + roots,
                            stdout=subprocess.DEVNULL)


PROGRAMS = {"cxx": start_cxx, "git": start_git, "node": start_node,
            "python": start_python, "redis": start_redis,
            "sqlite": start_sqlite}


def resident(pid):
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            fields = file.read().split()
        return (int(fields[1]) - int(fields[2])) * PAGE
    except (OSError, ValueError, IndexError):
        return 0


def largest_descendant(pid):
    """A compiler's driver runs the compiler as its child."""
    best = pid
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            children = [int(word) for word in file.read().split()]
    except OSError:
        children = []
    for child in children:
        candidate = largest_descendant(child)
        if resident(candidate) > resident(best):
            best = candidate
    return best


def wait_until_large(process):
    """Returns the process to capture, stopped; None if it has ended."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    highest, grown_at = 0, time.monotonic()
    while process.poll() is None:
        pid = largest_descendant(process.pid)
        size, now = resident(pid), time.monotonic()
        if size > highest + (1 << 20):
            highest, grown_at = size, now
        if size >= TARGET_BYTES or now > deadline or \
                now - grown_at > STEADY_SECONDS and size > 40 << 20:
            os.kill(pid, signal.SIGSTOP)
            return pid
        time.sleep(0.005)
    return None


def keep_runs(path, out, pages):
    """Evenly spaced runs of pages of a capture, `pages` in all."""
    total = os.path.getsize(path) // PAGE
    runs = max(1, min(pages, total) // RUN)
    with open(path, "rb") as source, open(out, "wb") as target:
        os.fchmod(target.fileno(), 0o600)
        for run in range(runs):
            source.seek(run * total // runs * PAGE)
            target.write(source.read(RUN * PAGE))


def end_process(process, pid):
    """Ends the captured process and the process that waits for it."""
    for each in {pid, process.pid} - {None}:
        try:
            os.kill(each, signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.wait()


def capture(name, tool, out_folder, pages, note):
    """Captures one program; returns its page count, or 0 if it cannot."""
    with tempfile.TemporaryDirectory(prefix="zcache-bench-") as folder:
        process = PROGRAMS[name](folder)
        if process is None:
            note(f"{name}: not installed, left out")
            return 0
        pid = None
        try:
            pid = wait_until_large(process)
            if pid is None:
                note(f"{name}: ended before it was large, left out")
                return 0
            raw = out_folder + "/capture.tmp"
            subprocess.run([tool, "capture", "--quiet", "--pid", str(pid),
                            raw], check=True)
            out = f"{out_folder}/{name}.pages"
            keep_runs(raw, out, pages)
            os.unlink(raw)
        finally:
            end_process(process, pid)
    count = os.path.getsize(out) // PAGE
    note(f"{name}: {count} pages")
    return count


def make(tool, folder, pages_per_program, note):
    """Captures what is missing; returns {program: pages}."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    counts = {}
    for name in PROGRAMS:
        path = f"{folder}/{name}.pages"
        if os.path.exists(path):
            counts[name] = os.path.getsize(path) // PAGE
        else:
            counts[name] = capture(name, tool, folder, pages_per_program, note)
    return {name: count for name, count in counts.items() if count}
