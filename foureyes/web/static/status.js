// The line on top: how all of it stands, in a word, in one sentence, and since when; and whether we hear anything.

import { aged, clockTime, now, span } from "./clock.js";
import { byId, h, keyed, mark, say } from "./dom.js";
import { showWord, tone } from "./words.js";

let cutSince = null;
let health = null;
let told = null;

/** Take what /health says. */
export function takeHealth(document) {
  health = document;
  show();
}

/** No answer: from now on what is shown is old. */
export function takeCut() {
  cutSince ??= now();
  show();
}

/** Answers come again. */
export function takeBack() {
  cutSince = null;
  show();
}

export const isCut = () => cutSince !== null;

function show() {
  document.body.classList.toggle("cut", cutSince !== null);
  if (cutSince !== null) headline("blind", "no answer from the daemon: what is shown below is old", cutSince);
  else if (health !== null) {
    const { sentence, since, others } = health.summary;
    headline(health.status, sentence, since ? Date.parse(since) : null, others ? ` · ${others} more not well` : "");
    vitals();
  }
  notes();
}

/** For screen readers: each change once, and not each second that passes. */
function tellOnce(word, sentence) {
  const what = `${word} ${sentence.replace(/\d+/g, "")}`;
  if (what !== told) say(byId("told"), `${word}: ${sentence}`);
  told = what;
}

function headline(word, sentence, since, others = "") {
  tellOnce(word, sentence);
  showWord(byId("status-word"), word);
  say(byId("status-sentence"), sentence);
  mark(byId("status"), "title", sentence);
  const place = byId("status-since");
  if (since === null) aged(place, null);
  else aged(place, new Date(since).toISOString(), `since ${clockTime(since)}, for `, others);
  mark(byId("bar"), "data-tone", tone(word));
  document.title = word === "ok" ? "FourEyes" : `${word} · FourEyes`;
}

function vitals() {
  const memory = `${Math.round(health.memory.resident_bytes / 1e6)} MB`;
  const facts = [["up", span(health.uptime_s * 1000)], ["memory", memory], ["pages", health.connections],
    ["version", health.version]];
  keyed(byId("vitals"), facts, ([name]) => name, ([name]) => h("div", {}, h("dt", {}, name), h("dd", {})),
    (made, [, value]) => say(made.lastElementChild, value));
}

function notes() {
  const texts = [];
  if (health?.config?.refused) {
    texts.push(`The configuration was not reloaded, the one in force stays: ${health.config.refused.reason}`);
  }
  if (health?.config?.at_next_start?.length) {
    texts.push(`Takes effect at the next start: ${health.config.at_next_start.join(", ")}`);
  }
  texts.push(...(health?.substitutions ?? []));
  keyed(byId("notes"), texts, (text) => text, (text) => h("p", {}, text));
}
