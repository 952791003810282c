// Buttons that copy what stands in an element marked data-copyable; the workspace switch; the name of what scrolls.
(function () {
  "use strict";

  function addButton(element) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "console-copy-button";
    button.title = gettext("Copy");
    button.setAttribute("aria-label", gettext("Copy"));
    button.innerHTML = '<span class="material-symbols-outlined" aria-hidden="true">content_copy</span>';
    const text = element.textContent;
    button.addEventListener("click", async function () {
      if (navigator.clipboard) {
        await navigator.clipboard.writeText(text);
      } else {
        // Without https there is no clipboard to write to: select the text for the keyboard.
        window.getSelection().selectAllChildren(element.firstChild.parentNode);
      }
      button.classList.add("console-copied");
      window.setTimeout(() => button.classList.remove("console-copied"), 1500);
    });
    element.append(button);
  }

  // The theme's library names what it makes scrollable, in English.
  window.addEventListener("load", function () {
    document.querySelectorAll(".simplebar-content-wrapper").forEach(function (element) {
      element.setAttribute("aria-label", gettext("Can be scrolled"));
    });
  });

  // The workspace switch of those who have more workspaces than a list is good for.
  function addSearch(input) {
    input.addEventListener("input", async function (event) {
      if (event.inputType === "insertReplacementText") {
        input.form.requestSubmit(); // chosen from the list
        return;
      }
      const text = input.value;
      const answer = await fetch(`${input.dataset.switchSearch}?${new URLSearchParams({ q: text })}`).catch(() => null);
      if (!answer || !answer.ok || answer.redirected) {
        return;
      }
      const { found } = await answer.json();
      if (input.value === text) {
        input.list.replaceChildren(...found.map((name) => new Option("", name)));
      }
    });
  }

  // Names of a row's values on a phone: the theme would begin each word with a capital, units as well.
  function capitaliseNames() {
    document.querySelectorAll("td[data-label], th[data-label]").forEach(function (element) {
      const name = element.dataset.label;
      element.dataset.label = name.charAt(0).toUpperCase() + name.slice(1);
    });
  }

  document.addEventListener("DOMContentLoaded", function () {
    capitaliseNames();
    document.querySelectorAll("[data-switch-search]").forEach(addSearch);
    document.querySelectorAll("[data-copyable]").forEach(addButton);
    document.querySelectorAll("[data-switch]").forEach(function (form) {
      form.querySelector("select")?.addEventListener("change", () => form.requestSubmit());
    });
  });
})();
