// The recorded faults by groups; one that is opened shows its picture, what its reproduction found and what to run.

import { get } from "./api.js";
import { aged, clockTime } from "./clock.js";
import { byId, h, keyed, mark, say } from "./dom.js";

const TONES = { critical: "bad", high: "bad", medium: "warn", low: "quiet" };
const MOST_FRAMES = 12;

let due = null;

/** Ask for the groups; several wishes at once are one question. */
export function refreshFaults() {
  due ??= setTimeout(async () => {
    due = null;
    await load().catch((refused) => empty(refused.message));
  }, 200);
}

async function load() {
  const groups = await get("/api/errors?limit=30");
  if (groups.length === 0) {
    empty("No fault was ever recorded.");
    return;
  }
  byId("fault-list").querySelector(":scope > p")?.remove();
  keyed(byId("fault-list"), groups, (group) => group.fingerprint, row, fill);
}

function empty(text) {
  keyed(byId("fault-list"), [text], () => text, () => h("p", { class: "dim" }, text));
}

function row(group) {
  const details = h("details", { class: "fault" },
    h("summary", {}, h("span", { class: "word" }), h("bdi", { class: "fault-what" }), h("span", { class: "dim" }), h("span", { class: "dim" })),
    h("div", { class: "fault-body" }));
  details.addEventListener("toggle", () => { if (details.open) open(details.lastElementChild, group.fingerprint); });
  return details;
}

function fill(details, group) {
  const [severity, what, seen, test] = details.firstElementChild.children;
  say(severity, group.severity);
  mark(severity, "data-tone", TONES[group.severity] ?? "quiet");
  say(what, `${group.type} in ${group.component}: ${group.message}`.slice(0, 200));
  seen.replaceChildren(`${group.count}×, ${group.status}, last `, aged(h("span"), group.last_seen, "", " ago"));
  const standing = `${group.case_state} ${group.reproduction}`;
  if (details.open && details.dataset.standing !== standing) open(details.lastElementChild, group.fingerprint);
  mark(details, "data-standing", standing);
  say(test, group.reproduction === null ? "" : `reproduction: ${group.reproduction}`);
}

async function open(place, fingerprint) {
  place.replaceChildren(h("p", { class: "dim" }, "asking for all of it"));
  try {
    place.replaceChildren(...whole(await get(`/api/errors/${fingerprint}`)));
  } catch (refused) {
    place.replaceChildren(h("p", { class: "dim" }, refused.message));
  }
}

function whole({ group, events, case: handed, picture, commands }) {
  const [newest] = events;
  return [
    h("p", {}, h("bdi", {}, group.message)),
    h("p", { class: "dim" }, `class ${group.bug_class}; first seen ${clockTime(group.first_seen)}, last ${clockTime(group.last_seen)}`),
    verdict(group, handed),
    picture === null ? null : h("figure", {}, h("img", { src: `/api/errors/pictures/${picture}`, alt: "the picture that was looked at", loading: "lazy" }),
      h("figcaption", { class: "dim" }, `the picture that was looked at${newest?.context?.frame?.id ? `, frame ${newest.context.frame.id}` : ""}`)),
    h("ul", { class: "commands" }, ...commands.map(command)),
    newest ? h("details", {}, h("summary", {}, "where it happened"), h("pre", { tabindex: "0" }, stack(newest))) : null,
  ].filter((each) => each !== null);
}

function verdict(group, handed) {
  const says = group.reproduction === null ? "no reproduction was made yet" : `reproduction: ${group.reproduction}`;
  const why = group.reproduction_reason ? `, ${group.reproduction_reason}` : "";
  const standing = handed === null ? "" : `; its case ${handed.id} is ${handed.state}${handed.held_back ? ` (${handed.held_back})` : ""}`;
  return h("p", {}, h("strong", {}, says), `${why}${standing}`);
}

function command({ what, command: line }) {
  const button = h("button", { type: "button", onclick: async () => {
    await navigator.clipboard.writeText(line);
    say(button, "copied");
    setTimeout(() => say(button, "copy"), 1500);
  } }, "copy");
  mark(button, "aria-label", `copy the command: ${what}`);
  return h("li", {}, h("span", { class: "dim" }, what), h("code", { tabindex: "0" }, line), button);
}

const stack = (event) => event.stack.filter((frame) => typeof frame === "object").slice(-MOST_FRAMES)
  .map((frame) => `${frame.in_project ? ">" : " "} ${frame.file}:${frame.line} in ${frame.function}\n      ${frame.code}`).join("\n");
