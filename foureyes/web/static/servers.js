// Every server with its models, the healing in progress; and the daemon's other parts.

import { clockTime, span } from "./clock.js";
import { byId, h, keyed, say } from "./dom.js";
import { showWord, word } from "./words.js";

const NAMES = { machine: "machine", memory: "own memory", errors: "fault recording", mongo: "MongoDB", mqtt: "MQTT" };

/** Take the components of /health. */
export function takeParts(components) {
  const all = Object.entries(components);
  keyed(byId("server-cards"), all.filter(([name]) => name.startsWith("server:")), ([name]) => name, card, fill);
  const others = all.filter(([name]) => !/^(server|task|source):/.test(name));
  keyed(byId("part-list"), others, ([name]) => name, row, (made, [, part]) => {
    showWord(made.children[1], part.state);
    say(made.children[2], part.reason ?? "");
  });
  keyed(byId("components"), all.filter(([name]) => !name.startsWith("task:")), ([name]) => name,
    ([name]) => h("option", { value: name }));
}

const row = ([name]) => h("li", {}, h("span", {}, NAMES[name] ?? name), word("unknown"), h("span", { class: "why-small" }));

function card([name]) {
  return h("article", { class: "card server", "aria-label": name.replace(":", " ") },
    h("header", {}, h("h3", {}, name.slice("server:".length)), word("unknown")),
    h("p", { class: "why-small" }), h("p", { class: "healing" }), h("ul", { class: "models" }), h("dl", { class: "facts" }));
}

function fill(made, [, part]) {
  const [header, why, healing, models, facts] = made.children;
  showWord(header.lastElementChild, part.state);
  say(why, part.reason ?? "");
  healing.hidden = !part.healing;
  say(healing, part.healing ? `healing: ${part.healing}` : "");
  const known = [...(part.models ?? []).map((text) => ({ text, has: true })),
    ...(part.missing ?? []).map((text) => ({ text, has: false }))];
  keyed(models, known, (each) => `${each.has}${each.text}`, (each) =>
    h("li", { class: each.has ? "has" : "lacks" }, h("span", { "aria-hidden": "true" }, each.has ? "● " : "○ "), each.text));
  const told = [["stage", part.stage], ["since", part.since ? clockTime(part.since) : null], ["process", part.pid],
    ["restarts", part.restarts], ["answered", part.probe_age_s === null ? "never" : `${span(part.probe_age_s * 1000)} ago`],
    ["at", part.url]].filter(([, value]) => value !== null && value !== undefined);
  keyed(facts, told, ([key]) => key, ([key]) => h("div", {}, h("dt", {}, key), h("dd", {})),
    (each, [, value]) => say(each.lastElementChild, value));
}
