// The daemon's clock as the page knows it, and ages by it: a browser whose own clock is wrong or jumps shows true ages.

import { mark, say } from "./dom.js";

let ahead = null; // milliseconds of the daemon's UTC over the page's monotonic clock

/** Take the daemon's time, as it was when the answer was under way. */
export function sync(at, askedMs) {
  const halfway = (askedMs + performance.now()) / 2;
  ahead = Date.parse(at) - halfway;
}

/** Now by the daemon's clock, in milliseconds since 1970. */
export const now = () => (ahead === null ? Date.now() : ahead + performance.now());

/** A span of time for people. */
export function span(ms) {
  const s = Math.max(0, ms) / 1000;
  if (s < 10) return `${s.toFixed(1)} s`;
  if (s < 100) return `${Math.floor(s)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

/** A moment on the clock of whoever looks. */
export function clockTime(at) {
  const moment = new Date(at);
  const time = moment.toLocaleTimeString([], { hour12: false });
  return moment.toDateString() === new Date().toDateString() ? time : `${moment.toLocaleDateString()} ${time}`;
}

/** Have an element show the age of a moment, between two texts, from now on. */
export function aged(element, at, before = "", after = "") {
  mark(element, "data-at", at);
  mark(element, "data-before", before);
  mark(element, "data-after", after);
  show(element);
  return element;
}

function show(element) {
  const { at, before, after } = element.dataset;
  say(element, at ? `${before}${span(now() - Date.parse(at))}${after}` : "");
}

function tick() {
  document.querySelectorAll("[data-at]").forEach(show);
}

/** Begin to count. */
export function startClock() {
  tick();
  setInterval(tick, 500);
}
