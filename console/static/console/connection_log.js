// The log of a device's connections: asks for its entries every two seconds until the log has ended.
(function () {
  "use strict";

  const PAUSE_MS = 2000;
  const place = document.querySelector("[data-connection-log]");
  if (!place) {
    return;
  }

  async function refresh() {
    if (!document.hidden) {
      const answer = await fetch(place.dataset.connectionLog).catch(() => null);
      if (answer && (answer.status === 204 || answer.redirected || answer.status === 403)) {
        const state = document.querySelector("[data-connection-log-state]");
        state.textContent = state.dataset.textOver;
        return;
      }
      if (answer && answer.ok) {
        place.innerHTML = await answer.text();
      }
    }
    window.setTimeout(refresh, PAUSE_MS);
  }

  window.setTimeout(refresh, PAUSE_MS);
})();
