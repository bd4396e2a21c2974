// What is to be changed: shown as the difference of the configuration file, written when that was approved.

import { h } from "./dom.js";
import { send } from "./setup_sending.js";

const KINDS = { "+": "more", "-": "less", "@": "where" };

const ALSO = "The file holds other changes that are not in force yet: they come into force with this one.";

function named({ kind, task, field, region, source }) {
  if (kind !== "region") return `${kind} of ${task}`;
  const what = field === "*" ? `all of ${task}` : `${field} of ${task}`;
  return `${region === null ? "no region for" : "region for"} ${what}${source ? ` at ${source}` : ""}`;
}

function kindOf(line) {
  return line.startsWith("+++") || line.startsWith("---") ? "where" : KINDS[line[0]] ?? "same";
}

export class Changes {
  /** `changed` is called whenever there are others. */
  constructor(at, changed) {
    this.at = at;
    this.changed = changed;
    this.wanted = new Map();
    this.draft = null;
    this.asked = 0;
    this.list = h("ul", { class: "wanted" });
    this.difference = h("pre", { class: "difference", tabindex: 0, role: "region", "aria-label": "Difference of the configuration file", hidden: true });
    this.approve = h("button", { type: "button", class: "primary", onclick: () => this.apply() }, "Approve and save");
    this.outcome = h("p", { class: "outcome", role: "status" });
  }

  panel() {
    return h("section", { class: "card changes" }, h("h3", {}, "Changes"), this.list, this.difference,
      h("div", { class: "buttons" }, this.approve), this.outcome);
  }

  all() {
    return [...this.wanted.values()];
  }

  put(key, change) {
    this.wanted.set(key, change);
    this.redraw();
  }

  leaveOut(key) {
    this.wanted.delete(key);
    this.redraw();
  }

  async redraw(note = "") {
    const number = ++this.asked;
    this.show(null);
    this.say(note);
    this.changed();
    if (this.wanted.size === 0) return;
    try {
      const draft = await send("/api/try/edit", { changes: this.all() });
      if (number === this.asked) this.show(draft);
    } catch (error) {
      if (number === this.asked) this.say(error.message, true);
    }
  }

  show(draft) {
    this.draft = draft;
    const why = this.at.document.why_not_written;
    this.list.replaceChildren(...[...this.wanted].map(([key, change]) => h("li", {}, named(change), " ",
      h("button", { type: "button", class: "link", onclick: () => this.leaveOut(key) }, "Leave out"))));
    if (this.wanted.size === 0) this.list.append(h("li", { class: "dim" }, "Nothing is to be changed yet."));
    const lines = draft === null ? [] : draft.diff.split("\n").filter((line) => line !== "");
    this.difference.hidden = lines.length === 0;
    this.difference.replaceChildren(...lines.map((line) => h("span", { class: kindOf(line) }, `${line}\n`)));
    this.approve.disabled = lines.length === 0 || why !== null;
    if (draft !== null) this.say(lines.length === 0 ? "The file says that already." : why ?? (draft.is_in_force ? "" : ALSO));
  }

  async apply() {
    const { digest } = this.draft;
    this.approve.disabled = true;
    try {
      const { file, refused } = await send("/api/setup/apply", { digest, changes: this.all() });
      this.wanted.clear();
      await this.at.refresh();
      await this.redraw();
      this.say(refused === null ? `${file} is saved, and in force.` : `${file} is saved, but not in force: ${refused}`, refused !== null);
    } catch (error) {
      if (error.status === 409) await this.redraw();
      else this.approve.disabled = false;
      this.say(error.message, true);
    }
  }

  say(text, isBad = false) {
    this.outcome.replaceChildren(h("span", { class: isBad ? "bad" : "" }, text));
  }
}
