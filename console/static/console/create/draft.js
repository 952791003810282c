// What was typed is kept: from one kind of push to the next, and as a draft.
import { latest } from "./elements.js";

// The tabs of the kinds submit the form to another address.
export function addKinds(form) {
  document.querySelectorAll("[data-kind]").forEach(function (link) {
    link.addEventListener("click", function (event) {
      if (event.ctrlKey || event.metaKey || event.shiftKey) {
        return;
      }
      event.preventDefault();
      const step = document.createElement("input");
      Object.assign(step, { type: "hidden", name: "step", value: "edit" });
      form.append(step);
      form.action = link.href;
      form.submit();
    });
  });
}

// What was typed is saved while it is typed, a second after the last key.
export function addDraft(form) {
  const said = form.querySelector("[data-draft-saved]");
  if (!said) {
    return;
  }
  const save = latest(async function () {
    try {
      const answer = await fetch(form.dataset.draftUrl, { method: "POST", body: new FormData(form) });
      const result = await answer.json();
      said.textContent = result.saved || result.error;
    } catch {
      said.textContent = gettext("The draft is not saved: no connection.");
    }
  });
  let timer = 0;
  form.addEventListener("input", function (event) {
    if (!event.target.name || event.target.name === "test_devices") {
      return;
    }
    window.clearTimeout(timer);
    timer = window.setTimeout(save, 1000);
  });
  form.addEventListener("submit", () => window.clearTimeout(timer));
}
