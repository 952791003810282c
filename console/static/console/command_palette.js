// The command palette (Ctrl+K): a combobox in a dialog; what is typed is looked up by `console.pages.command_palette`.
(function () {
  "use strict";

  const PAUSE_MS = 150;

  function start(dialog) {
    const input = dialog.querySelector("[role=combobox]");
    const list = dialog.querySelector("[role=listbox]");
    const status = dialog.querySelector("[role=status]");
    let chosen = -1;
    let timer = 0;
    let asked = new AbortController();

    function choose(index) {
      const options = list.children;
      chosen = options.length ? (index + options.length) % options.length : -1;
      Array.from(options).forEach(function (option, place) {
        option.setAttribute("aria-selected", String(place === chosen));
      });
      if (chosen < 0) {
        input.removeAttribute("aria-activedescendant");
      } else {
        input.setAttribute("aria-activedescendant", options[chosen].id);
        options[chosen].scrollIntoView({ block: "nearest" });
      }
    }

    function go(option, inNewTab) {
      if (inNewTab) {
        window.open(option.dataset.url, "_blank", "noopener");
      } else {
        window.location.assign(option.dataset.url);
      }
    }

    function part(name, className, text) {
      const element = document.createElement(name);
      element.className = className;
      element.textContent = text;
      return element;
    }

    function optionOf(result, index) {
      const option = document.createElement("li");
      option.id = `console-palette-${index}`;
      option.setAttribute("role", "option");
      option.dataset.url = result.url;
      const icon = part("span", "material-symbols-outlined", result.icon);
      icon.setAttribute("aria-hidden", "true");
      option.append(icon, part("span", "console-palette-title", result.title), " ", part("small", "", result.detail));
      option.addEventListener("click", (event) => go(option, event.ctrlKey || event.metaKey));
      option.addEventListener("pointermove", () => choose(index));
      return option;
    }

    function show(answer) {
      list.replaceChildren(...answer.results.map(optionOf));
      choose(0);
      const count = answer.results.length;
      const found = count ? interpolate(ngettext("%s result", "%s results", count), [count]) : gettext("Nothing found");
      status.textContent = answer.complete ? found : `${found}. ${gettext("Not everything could be looked up in time.")}`;
    }

    async function ask() {
      asked.abort();
      asked = new AbortController();
      list.removeAttribute("data-stale");
      try {
        const address = `${dialog.dataset.palette}?${new URLSearchParams({ q: input.value })}`;
        const answer = await fetch(address, { signal: asked.signal, headers: { Accept: "application/json" } });
        if (!answer.ok) {
          throw new Error(String(answer.status));
        }
        show(await answer.json());
      } catch (error) {
        if (error.name !== "AbortError") {
          list.replaceChildren();
          choose(0);
          status.textContent = gettext("The search failed; reload the page and try again.");
        }
      }
    }

    function open() {
      if (document.querySelector("dialog[open]") === null) {
        input.value = "";
        dialog.showModal();
        ask();
      }
    }

    input.addEventListener("input", function () {
      window.clearTimeout(timer);
      // Enter waits for what belongs to the new text.
      list.setAttribute("data-stale", "");
      timer = window.setTimeout(ask, PAUSE_MS);
    });
    input.addEventListener("keydown", function (event) {
      // An input method composes a word: its keys are not for the list.
      if (event.isComposing) {
        return;
      }
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        choose(chosen + (event.key === "ArrowDown" ? 1 : -1));
      } else if (event.key === "Enter") {
        event.preventDefault();
        if (chosen >= 0 && !list.hasAttribute("data-stale")) {
          go(list.children[chosen], event.ctrlKey || event.metaKey);
        }
      }
    });
    dialog.addEventListener("click", function (event) {
      if (event.target === dialog) {
        dialog.close();
      }
    });
    document.addEventListener("keydown", function (event) {
      if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "k") {
        event.preventDefault();
        open();
      }
    });
    document.addEventListener("console:search-everything", open);
    document.querySelectorAll("[data-open-palette]").forEach((button) => button.addEventListener("click", open));
  }

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-palette]").forEach(start));
})();
