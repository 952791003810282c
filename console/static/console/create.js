// Create a message or a template. The form itself works without it, in more steps.
import { addDraft, addKinds } from "./create/draft.js";
import { addCounter, addRows, showDependentRows } from "./create/fields.js";
import { addFile } from "./create/file.js";
import { addPreview, addTabs } from "./create/preview.js";
import { addTemplateChoice } from "./create/template_choice.js";
import { addTesting } from "./create/testing.js";

document.addEventListener("DOMContentLoaded", function () {
  document.querySelectorAll("[data-submits]").forEach(function (form) {
    form.addEventListener("change", () => form.submit());
  });
  const form = document.querySelector("[data-create]");
  if (!form) {
    return;
  }
  form.querySelectorAll("[data-counted]").forEach(addCounter);
  form.querySelectorAll("[data-rows]").forEach(addRows);
  form.querySelectorAll("[data-preview-tabs]").forEach(addTabs);
  const refresh = addPreview(form);
  const inspect = addFile(form, refresh);
  addKinds(form);
  addDraft(form);
  addTesting(form);
  addTemplateChoice(form, function () {
    showDependentRows(form);
    refresh();
    inspect();
  });
  form.addEventListener("input", () => showDependentRows(form));
  showDependentRows(form);
});
