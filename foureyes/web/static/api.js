// What is asked of the daemon. Who may not ask is asked for the token, once, and then the question again.

import { askToken } from "./token.js";

const WITHIN_MS = 5000;

/** An answer that is no success; `status` 0 is none at all. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function asked(route, options) {
  try {
    return await fetch(route, { signal: AbortSignal.timeout(WITHIN_MS), cache: "no-store", ...options });
  } catch {
    throw new Refused(0, "the daemon does not answer");
  }
}

async function message(response) {
  try {
    return (await response.json()).error.message;
  } catch {
    return `the daemon answers ${response.status}`;
  }
}

/** The document of an answer; one that breaks off or takes too long is none. */
async function told(response) {
  try {
    return await response.json();
  } catch {
    throw new Refused(0, "the daemon does not answer");
  }
}

/** Ask, whatever the answer; the token is asked for where it is wanted. */
export async function ask(route, options = {}) {
  const response = await asked(route, options);
  if (response.status !== 401 || !(await askToken())) return response;
  return asked(route, options);
}

/** The JSON of a GET. Throws Refused; /health says how it stands with a status of 503 too. */
export async function get(route, isAnswer = (status) => status < 300) {
  const response = await ask(route);
  if (!isAnswer(response.status)) throw new Refused(response.status, await message(response));
  return told(response);
}

/** The JSON of a POST. Throws Refused. */
export async function post(route, body) {
  const headers = { "Content-Type": "application/json" };
  const response = await ask(route, { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Refused(response.status, await message(response));
  return response.status === 204 ? null : told(response);
}
