// The sources: each with its live picture, rate and age, and the readings of its tasks. The unwell ones come first.

import { get } from "./api.js";
import { aged } from "./clock.js";
import { byId, h, keyed, say } from "./dom.js";
import { Picture } from "./picture.js";
import { TaskBlock } from "./readings.js";
import { showWord, word } from "./words.js";

const SHOWN_AT_FIRST = 4;
const WELL = new Set(["ok", "ended", "off"]);
const HUES = 8;
const BEHIND_MS = 4000;
const BEHIND_LOOKS = 6;

const find = byId("find-source").querySelector("input");
const cards = new Map();
const dirty = new Set();
const readings = new Map();
let components = {};
let sources = [];
let most = SHOWN_AT_FIRST;
let onFrame = () => {};

class Card {
  constructor(source) {
    this.id = source.id;
    this.badge = word("unknown");
    this.what = h("p", { class: "dim" });
    this.rate = h("span");
    this.age = h("span");
    this.frame = h("button", { type: "button", class: "link", title: "show this frame's way", onclick: () => onFrame(this.frame.textContent) });
    this.picture = new Picture(source.id);
    this.picture.onframe = ({ id, at }) => this.told(id, at);
    this.outlines = h("input", { type: "checkbox", checked: true, onchange: () => this.outline() });
    this.why = h("p", { class: "why", hidden: true });
    this.tasks = h("div", { class: "tasks" });
    this.blocks = new Map();
    this.element = h("article", { class: "card source", "aria-label": `source ${source.id}` },
      h("header", {}, h("h3", {}, source.id), this.badge, this.what), this.why,
      h("div", { class: "source-body" },
        h("figure", {}, this.picture.element,
          h("figcaption", { class: "dim" }, this.rate, this.age, this.frame,
            h("label", { class: "check" }, this.outlines, " outlines"))),
        this.tasks));
  }

  told(id, at) {
    say(this.frame, id ?? "");
    aged(this.age, at, "", " old");
  }

  show(source) {
    this.source = source;
    const part = components[`source:${source.id}`] ?? source;
    showWord(this.badge, part.state);
    say(this.what, source.watching);
    this.reason = part.reason ?? sharedReason(source);
    say(this.why, this.reason ?? "");
    this.why.hidden = !this.reason;
    const fps = source.fps === null ? "?" : source.fps.toFixed(1);
    say(this.rate, `${fps} of ${source.fps_wanted.toFixed(1)} pictures a second${source.size ? ` · ${source.size.join("×")}` : ""}`);
    this.picture.everyMs = Math.max(250, 1000 / source.fps_wanted);
    if (source.captured_at !== null && !this.age.dataset.at) this.told(source.frame_id, source.captured_at);
    keyed(this.tasks, source.tasks, (task) => task.task, (task) => this.block(task).element,
      (_, task) => this.fill(task));
    this.outline();
  }

  block(task) {
    const hue = this.source.tasks.indexOf(task) % HUES;
    const block = new TaskBlock(task.task, hue, { pointed: (key) => this.picture.point(key), wanted: (id) => onFrame(id) });
    this.blocks.set(task.task, block);
    const key = `${this.id}/${task.task}`;
    if (readings.has(key)) block.take(readings.get(key));
    return block;
  }

  fill(task) {
    const block = this.blocks.get(task.task);
    block.describe(task.fields);
    block.stand(components[`task:${this.id}/${task.task}`], this.reason);
    block.draw();
  }

  /** Regions, and in them the boxes of what was read. */
  outline() {
    if (!this.source?.size) return;
    const found = this.outlines.checked ? this.source.tasks.flatMap((task, index) => this.outlined(task, index % HUES)) : [];
    const drawn = JSON.stringify(found);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    this.picture.outline(found, this.source.size[0]);
  }

  /** Whether a reading is of a picture so much older than the one shown that its boxes would lie beside what they found. */
  isBehind(reading) {
    const behindMs = Date.parse(this.age.dataset.at) - Date.parse(reading.captured_at);
    return behindMs > Math.max(BEHIND_MS, BEHIND_LOOKS * this.picture.everyMs);
  }

  outlined(task, hue) {
    const [wide, high] = this.source.size;
    const fields = Object.entries(task.fields);
    const named = (index) => fields.filter(([, field]) => field.picture === index).map(([name, field]) => field.title ?? name);
    const regions = task.boxes.map((box, index) => ({ key: `${task.task}#${index}`, kind: "region", hue, box,
      label: `${task.task}: ${named(index).join(", ")}`.slice(0, 60) }))
      .filter((each) => each.box[2] < wide || each.box[3] < high);
    const reading = readings.get(`${this.id}/${task.task}`);
    const evidence = reading === undefined || this.isBehind(reading) ? {} : reading.evidence;
    const boxes = Object.entries(evidence).filter(([, each]) => Array.isArray(each.box)).map(([name, each]) => {
      const [left, top] = task.boxes[(each.picture ?? 0) % task.boxes.length] ?? [0, 0];
      const [x, y, width, height] = each.box;
      return { key: `${task.task}/${name}`, kind: "box", hue, box: [left + x, top + y, width, height],
        label: task.fields[name]?.title ?? name };
    });
    return [...regions, ...boxes];
  }
}

/** Who is told which frame's way somebody wants to see. */
export function whenFrameWanted(listener) { onFrame = listener; }

export function takeComponents(found) {
  components = found;
  show();
}

export function takeSources(found) {
  sources = found;
  show();
}

/** What the tasks of one source published before this page was there. */
async function loadPast(card) {
  const source = encodeURIComponent(card.id);
  const [past, latest] = await Promise.all([get(`/api/history?source=${source}`), get(`/api/readings?source=${source}`)]);
  for (const { task, steps } of past) card.blocks.get(task)?.load(steps);
  latest.forEach(takeReading);
}

/** After a time without events: what was missed is asked for. */
export function catchUp() {
  for (const card of cards.values()) loadPast(card).catch(() => {}); // who does not answer is told on top
}

/** A new reading: shown with the next picture of the screen. */
export function takeReading(reading) {
  readings.set(`${reading.source}/${reading.task}`, reading);
  const block = cards.get(reading.source)?.blocks.get(reading.task);
  if (block === undefined) return;
  block.take(reading);
  if (dirty.size === 0) requestAnimationFrame(draw);
  dirty.add(block).add(cards.get(reading.source));
}

/** The configuration is another one: what it no longer names is forgotten. */
export function forget() {
  readings.clear();
}

function draw() {
  for (const each of dirty) {
    if (each instanceof Card) each.outline();
    else each.draw();
  }
  dirty.clear();
}

/** Why none of its tasks is well, where that is one reason: a dead server is told once a source. */
function sharedReason(source) {
  const reasons = new Set(source.tasks.map(({ task }) => components[`task:${source.id}/${task}`]?.reason ?? null));
  return source.tasks.length > 1 && reasons.size === 1 ? [...reasons][0] : null;
}

const weight = (source) => (WELL.has((components[`source:${source.id}`] ?? source).state) ? 1 : 0);

function show() {
  const part = find.value.trim().toLowerCase();
  const wanted = sources.filter(({ id }) => id.toLowerCase().includes(part));
  const ordered = wanted.map((source, index) => [weight(source), index, source])
    .sort((a, b) => a[0] - b[0] || a[1] - b[1]).map((each) => each[2]);
  const open = ordered.slice(0, most);
  const fresh = [];
  keyed(byId("source-cards"), open, (source) => source.id, (source) => {
    const card = new Card(source);
    cards.set(source.id, card);
    fresh.push(card);
    return card.element;
  }, (_, source) => cards.get(source.id).show(source));
  const names = new Set(open.map((source) => source.id));
  for (const id of cards.keys()) if (!names.has(id)) cards.delete(id);
  for (const card of fresh) loadPast(card).catch(() => {}); // who does not answer is told on top
  const more = byId("more-sources");
  more.hidden = wanted.length <= most;
  say(more, `Show ${Math.min(SHOWN_AT_FIRST, wanted.length - most)} more of ${wanted.length} sources`);
  byId("find-source").hidden = sources.length <= SHOWN_AT_FIRST;
  const unwell = sources.filter((source) => weight(source) === 0).length;
  say(byId("sources-told"), `${wanted.length} of ${sources.length} sources, ${unwell} not well`);
}

find.addEventListener("input", () => {
  most = SHOWN_AT_FIRST;
  show();
});

byId("more-sources").addEventListener("click", () => {
  most += SHOWN_AT_FIRST;
  show();
});
