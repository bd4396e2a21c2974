// Pause the looking, and go on with it.

import { post } from "./api.js";
import { byId, say } from "./dom.js";

const button = byId("pause");
let isPaused = false;

/** Take what /health says. */
export function takePause(health) {
  const looking = Object.entries(health.components).filter(([name]) => name.startsWith("source:"));
  isPaused = looking.some(([, part]) => part.state === "paused");
  button.hidden = false;
  say(button, isPaused ? "Resume looking" : "Pause looking");
}

/** Have what was changed shown by `done`. */
export function startPause(done) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await post(isPaused ? "/api/resume" : "/api/pause", { source: null });
    } catch (refused) {
      say(button, refused.message);
    }
    button.disabled = false;
    done();
  });
}
