// Figures of push tasks that change while one looks: elements marked data-live="task:figure".
(function () {
  "use strict";

  const WAIT_MS = [1000, 2000, 5000, 15000];

  function show(changes) {
    Object.entries(changes).forEach(function ([task, figures]) {
      Object.entries(figures).forEach(function ([name, text]) {
        document.querySelectorAll(`[data-live-title="${task}:${name}"]`).forEach(function (element) {
          element.title = text;
        });
        document.querySelectorAll(`[data-live="${task}:${name}"]`).forEach(function (element) {
          if (element.textContent !== text) {
            element.textContent = text;
            element.classList.remove("console-changed");
            void element.offsetWidth; // starts the animation anew
            element.classList.add("console-changed");
          }
        });
      });
    });
  }

  function watch(address, failures) {
    const socket = new WebSocket(address);
    let opened = false;
    socket.addEventListener("open", function () {
      opened = true;
    });
    socket.addEventListener("message", (event) => show(JSON.parse(event.data)));
    socket.addEventListener("close", function () {
      const next = opened ? 0 : failures + 1;
      window.setTimeout(() => watch(address, next), WAIT_MS[Math.min(next, WAIT_MS.length - 1)]);
    });
  }

  document.addEventListener("DOMContentLoaded", function () {
    const source = document.querySelector("[data-live-url]");
    const tasks = new Set();
    document.querySelectorAll("[data-live]").forEach((element) => tasks.add(element.dataset.live.split(":")[0]));
    if (source && tasks.size) {
      watch(`${source.dataset.liveUrl}?tasks=${Array.from(tasks).slice(0, 100).join(",")}`, 0);
    }
  });
})();
