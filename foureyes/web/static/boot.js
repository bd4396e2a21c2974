// A page of which a part did not arrive, as while the daemon is only just starting, is loaded again by itself.
"use strict";

setInterval(async () => {
  if (document.documentElement.dataset.started !== undefined) return;
  const answer = await fetch("/ready").catch(() => null);
  if (answer !== null) location.reload();
}, 20000);
