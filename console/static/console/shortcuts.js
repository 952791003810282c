// Shortcuts of single keys, listed under "?"; the entries of the sidebar name theirs (`console.theme.settings`).
(function () {
  "use strict";

  const SEQUENCE_MS = 1200;
  const OFF = "console.shortcuts.off";

  function isTyping(target) {
    return target instanceof Element && target.closest("input, textarea, select, [contenteditable]") !== null;
  }

  function search() {
    const box = document.querySelector("#searchbar");
    if (box) {
      box.focus();
      box.select();
    } else {
      document.dispatchEvent(new Event("console:search-everything"));
    }
  }

  function start(dialog) {
    const links = new Map(Array.from(dialog.querySelectorAll("[data-shortcut]"), (link) => [link.dataset.shortcut, link]));
    const on = dialog.querySelector("[data-shortcuts-on]");
    let first = "";
    let firstAt = 0;

    // Those who speak to the computer, or whose hands slip, can do without (WCAG 2.1.4).
    on.checked = window.localStorage.getItem(OFF) === null;
    on.addEventListener("change", function () {
      if (on.checked) {
        window.localStorage.removeItem(OFF);
      } else {
        window.localStorage.setItem(OFF, "1");
      }
    });

    document.addEventListener("keydown", function (event) {
      const busy = event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey;
      if (busy || event.repeat || !on.checked || isTyping(event.target) || document.querySelector("dialog[open]")) {
        return;
      }
      const sequence = first && event.timeStamp - firstAt < SEQUENCE_MS ? `${first} ${event.key}` : event.key;
      first = "";
      if (links.has(sequence)) {
        event.preventDefault();
        window.location.assign(links.get(sequence).href);
      } else if (sequence === "/") {
        event.preventDefault();
        search();
      } else if (sequence === "?") {
        event.preventDefault();
        dialog.showModal();
      } else if (Array.from(links.keys()).some((keys) => keys.startsWith(`${sequence} `))) {
        first = sequence;
        firstAt = event.timeStamp;
      }
    });
    document.querySelectorAll("[data-open-shortcuts]").forEach(function (button) {
      button.addEventListener("click", () => dialog.showModal());
    });
  }

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("dialog[data-shortcuts]").forEach(start));
})();
