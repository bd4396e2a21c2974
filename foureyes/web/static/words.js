// The words for how a part stands. Their meanings and tones are the daemon's own table; here they get their signs.

import { byId, h, mark, say } from "./dom.js";

const SIGNS = {
  ok: "●", starting: "◌", recovering: "↻", degraded: "◐", fallback: "⇄", blind: "⊘", frozen: "❄", paused: "‖",
  unknown: "?", failing: "✕", ended: "■", off: "○",
};
const known = new Map();

/** Take the table, and explain it at the foot of the page. */
export function learn(words) {
  for (const each of words) known.set(each.word, each);
  byId("words").replaceChildren(...words.map((each) =>
    h("div", {}, h("dt", {}, word(each.word)), h("dd", {}, each.meaning))));
}

/** Whether the table is known: who had to show the token first may have come without it. */
export const isLearned = () => known.size > 0;

/** The tone of a word; one that is not known is never green. */
export const tone = (name) => known.get(name)?.tone ?? "quiet";

/** A word as a small badge: sign, text and colour say the same. */
export const word = (name) => showWord(h("span", { class: "word" }), name);

/** Have a badge show a word. */
export function showWord(badge, name) {
  say(badge, `${SIGNS[name] ?? "?"} ${name}`);
  mark(badge, "data-tone", tone(name));
  mark(badge, "title", known.get(name)?.meaning ?? null);
  return badge;
}
