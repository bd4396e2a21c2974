// What set-up asks of the daemon: a trial may take as long as a model does, and one that is out of date is let go.

import { ask, Refused } from "./api.js";

const WITHIN_MS = 90000;
const WHY = {
  absent: "nothing there", unreadable: "unreadable", too_small: "too small to read", ambiguous: "could be several",
  conflict: "read in two ways", implausible: "not plausible", unconfirmed: "not confirmed", stale: "too old",
  no_model: "no model can answer now",
};

/** The JSON of a POST. Throws Refused. */
export async function send(route, body, signal = null) {
  const late = AbortSignal.timeout(WITHIN_MS);
  const response = await ask(route, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    signal: signal === null ? late : AbortSignal.any([signal, late]),
  });
  const answer = await response.json().catch(() => null); // it may break off
  if (!response.ok || answer === null) throw new Refused(response.status, answer?.error?.message ?? `the daemon answers ${response.status}`);
  return answer;
}

/** A value as text. */
export const said = (value) => (typeof value === "string" ? value : JSON.stringify(value));

/** Why a field of a reading is null, for people. */
export const because = (reason) => WHY[reason] ?? String(reason);

/** Who read, and how long it took. */
export function by(reading) {
  if (reading === null || reading.model === null) return "no model could be asked";
  const took = reading.latency_ms === null ? reading.origin : `${Math.round(reading.latency_ms)} ms`;
  return `read by ${reading.model}, ${took}${reading.fallback ? ", a fallback" : ""}`;
}
