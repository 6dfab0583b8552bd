// SPDX-License-Identifier: MIT
// The slider: shows the state after a step, from the rows of the trace, which
// are those of --format json.  (No "less than" and no "and" sign is in here, so
// that the page is well-formed XML too.)
"use strict";
const trace = JSON.parse(document.getElementById("trace").textContent);
const slider = document.getElementById("slider");
const lines = [...document.querySelectorAll("tr[data-step]")];
const last = Math.max(...trace.rows.map(row => row.step));
// Rows of the threads: 0 is the setup and the finish.
const rows = trace.rows.filter(row => row.thread > 0);
const whole = /^(references|users|flags|pin|.*count.*)$/;
// Those that the objects have, where the program names its objects.
const told = trace.state ? /^(references|flags|pin)$/ : /^$/;
const most = 999; // larger values are addresses or packed words

function element(name, text, parent) {
  const made = document.createElement(name);
  made.textContent = text;
  parent.append(made);
  return made;
}

// What an object is called: "folio references" after zc_folio_get().
const names = {};
for (const row of rows) {
  const of = /^zc_([a-z]+)_/.exec(row.function || "");
  const known = names[row.object] ||= { name: row.name, of: "" };
  if (!known.of) known.of = of ? of[1] + " " : "";
}
const name = object => whole.test(names[object].name) ?
  names[object].of + names[object].name : names[object].name;

function shown(row) {
  const bits = Math.floor(row.value / 65536);
  if (row.bits !== undefined) return row.bits || "none";
  if (!(row.value > most)) return String(row.value);
  return whole.test(row.name) ?
    row.value % 65536 + " (+ 0x" + (bits * 65536).toString(16) + ")" : "";
}

function learn(known, lines) {
  for (const line of (lines || "").split("\n").filter(Boolean)) {
    const [object, text] = line.split(": ");
    known.set("objects\n" + object, text);
  }
}

// What is known after a step: [kind, name] -> text.
function state(step) {
  const known = new Map();
  learn(known, trace.state);
  for (const row of rows) {
    if (row.step > step) continue;
    learn(known, row.state);
    if (!row.object) continue;
    const key = "\n" + row.name + "\n" + row.object;
    if (row.kind === "lock" || (row.kind === "trylock" ? row.value : false))
      known.set("locks held" + key, "CPU#" + row.thread +
        (row.function ? " in " + row.function : ""));
    else if (row.kind === "unlock") known.delete("locks held" + key);
    else if (row.value !== undefined ? !told.test(row.name) : false) {
      const text = shown(row);
      if (text) known.set("counts and words" + key, text);
    }
  }
  return known;
}

function table(title, now, before) {
  const keys = [...now.keys()].filter(key => key.startsWith(title + "\n"));
  const made = document.createElement("table");
  made.className = "state";
  element("caption", title, made);
  for (const key of keys.sort()) {
    const [, own, object] = key.split("\n");
    const line = element("tr", "", made);
    element("td", object ? name(object) : own, line);
    element("td", now.get(key), line);
    if (before.get(key) !== now.get(key)) line.className = "new";
  }
  if (!keys.length) element("td", "none", element("tr", "", made));
  return made;
}

function say(step) {
  const at = document.getElementById("at");
  at.textContent = step === 0 ? "before the first step" : "";
  for (const row of rows.filter(one => one.step === step)) {
    const where = row.file ? " " + row.function + " " + row.file + ":" +
      row.line : "";
    const line = element("div", "CPU#" + row.thread + ": " + row.text, at);
    element("span", (row.comment ? " // " + row.comment : "") + where,
      line).className = "soft";
  }
  document.getElementById("number").textContent = step + " of " + last;
  const fate = document.getElementById("fate");
  fate.className = step >= trace.lost_from_step ? "lost" : "soft";
  fate.textContent = trace.lost_from_step === 0 ? "" :
    step >= trace.lost_from_step ? "every continuation fails" :
    "can still end well";
}

function show(step) {
  const now = state(step);
  const before = state(step - 1);
  let current = null;
  for (const line of lines) {
    line.classList.toggle("later", Number(line.dataset.step) > step);
    line.classList.remove("now");
    if (!(Number(line.dataset.step) > step)) current = line;
  }
  if (current) for (const line of lines)
    if (line.dataset.step === current.dataset.step) line.classList.add("now");
  say(step);
  document.getElementById("state").replaceChildren(
    ...["objects", "locks held", "counts and words"]
      .filter(title => title !== "objects" || trace.state)
      .map(title => table(title, now, before)));
  slider.value = step;
  if (current) current.scrollIntoView({ block: "nearest" });
}

function wanted() {
  const found = /^#step=(\d+)$/.exec(location.hash);
  return found ? Math.min(Number(found[1]), last) : -1;
}

function go(step) {
  const to = Math.max(0, Math.min(step, last));
  history.replaceState(null, "", "#step=" + to);
  show(to);
}

const now = () => Number(slider.value);
slider.max = last;
slider.addEventListener("input", () => go(now()));
document.getElementById("back").addEventListener("click", () => go(now() - 1));
document.getElementById("on").addEventListener("click", () => go(now() + 1));
for (const line of lines)
  line.addEventListener("click", () => go(Number(line.dataset.step)));
document.addEventListener("keydown", event => {
  const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1,
    PageUp: -10, PageDown: 10, Home: -last, End: last }[event.key];
  if (by === undefined || event.altKey || event.ctrlKey || event.metaKey)
    return;
  event.preventDefault();
  go(now() + by);
});
document.getElementById("copy").addEventListener("click", event => {
  getSelection().selectAllChildren(document.getElementById("replay"));
  document.execCommand("copy");
  event.target.textContent = "copied";
});
addEventListener("hashchange", () => wanted() === -1 || show(wanted()));
document.documentElement.classList.add("live");
show(wanted() === -1 ? trace.lost_from_step || last : wanted());
