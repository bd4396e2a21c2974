// The dialog that asks for the token; several questions that wait for it are answered by one.

import { byId, say } from "./dom.js";

let waiting = null;
let refusedUntil = 0;

/** Ask for the token until one is right or the person gives up: whether there is a session now. */
export function askToken() {
  if (performance.now() < refusedUntil) return Promise.resolve(false);
  waiting ??= asked().finally(() => { waiting = null; });
  return waiting;
}

async function asked() {
  const dialog = byId("token");
  const text = byId("token-text");
  say(byId("token-fault"), "");
  for (;;) {
    text.value = "";
    dialog.showModal();
    if (!(await submitted(dialog))) {
      refusedUntil = performance.now() + 30000; // what is asked in the background does not ask again at once
      return false;
    }
    const fault = await begun(text.value);
    if (fault === null) return true;
    say(byId("token-fault"), fault);
  }
}

function submitted(dialog) {
  return new Promise((resolve) => {
    const cancel = byId("token-cancel");
    const done = (value) => {
      dialog.onclose = cancel.onclick = null;
      if (dialog.open) dialog.close();
      resolve(value);
    };
    cancel.onclick = () => done(false);
    dialog.oncancel = () => done(false);
    dialog.querySelector("form").onsubmit = () => done(true);
  });
}

async function begun(token) {
  const headers = { "Content-Type": "application/json" };
  const response = await fetch("/api/session", { method: "POST", headers, body: JSON.stringify({ token }) });
  if (response.ok) return null;
  return response.status === 429 ? "too many wrong ones; wait a minute" : "that is not the token";
}
