// The form of a segment: how many devices meet the condition, counted once the typing pauses.
(function () {
  "use strict";

  const PAUSE = 500;

  function addCount(field) {
    const form = field.form;
    const output = document.createElement("p");
    output.className = "console-counted";
    output.setAttribute("role", "status");
    field.insertAdjacentElement("afterend", output);
    let timer = 0;
    let asked = null;

    function workspace() {
      const chosen = form.elements.namedItem("workspace");
      return chosen ? chosen.value : field.dataset.workspace || "";
    }

    async function count() {
      asked?.abort();
      if (!field.value.trim() || !workspace()) {
        output.textContent = "";
        return;
      }
      asked = new AbortController();
      const body = new URLSearchParams({ workspace: workspace(), condition: field.value });
      const headers = { "X-CSRFToken": form.elements.namedItem("csrfmiddlewaretoken").value };
      const options = { method: "POST", body, headers, signal: asked.signal };
      const answer = await fetch(field.dataset.countUrl, options).catch(() => null);
      if (!answer || !answer.ok || answer.redirected) {
        return;
      }
      const { text, error } = await answer.json();
      output.textContent = text || error;
      output.classList.toggle("console-error", Boolean(error));
    }

    form.addEventListener("input", function () {
      window.clearTimeout(timer);
      timer = window.setTimeout(count, PAUSE);
    });
    form.addEventListener("change", count);
    count();
  }

  document.addEventListener("DOMContentLoaded", function () {
    document.querySelectorAll("[data-count-url]").forEach(addCount);
  });
})();
