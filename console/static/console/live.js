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
            flash(element);
          }
        });
      });
    });
  }

  function flash(element) {
    element.classList.remove("console-changed");
    void element.offsetWidth; // starts the animation anew
    element.classList.add("console-changed");
  }

  function content(element) {
    return `${element.getAttribute("value")} ${element.innerHTML}`;
  }

  // The report of a task's page: figures change in place; rows that come or go replace all of it.
  function showReport(html) {
    const place = document.querySelector("[data-live-report]");
    if (!place) {
      return;
    }
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    const before = Array.from(place.querySelectorAll("[data-figure]"));
    const after = Array.from(fresh.content.querySelectorAll("[data-figure]"));
    if (before.map((one) => one.dataset.figure).join() === after.map((one) => one.dataset.figure).join()) {
      before.forEach(function (old, number) {
        const now = after[number];
        if (content(old) !== content(now)) {
          for (const { name, value } of now.attributes) {
            old.setAttribute(name, value);
          }
          old.replaceChildren(...now.childNodes);
          flash(old);
        }
      });
      return;
    }
    const focused = place.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    place.replaceChildren(fresh.content);
    if (focused) {
      place.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
    }
  }

  function watch(address, failures) {
    const socket = new WebSocket(address);
    let opened = false;
    socket.addEventListener("open", function () {
      opened = true;
    });
    socket.addEventListener("message", function (event) {
      const { report, ...figures } = JSON.parse(event.data);
      show(figures);
      if (report) {
        showReport(report);
      }
    });
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
      const query = new URLSearchParams({ tasks: Array.from(tasks).slice(0, 100).join(","), lang: document.documentElement.lang });
      if (source.dataset.liveTask) {
        query.set("report", source.dataset.liveTask);
      }
      watch(`${source.dataset.liveUrl}?${query}`, 0);
    }
  });
})();
