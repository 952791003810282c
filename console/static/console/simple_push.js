// The simple push page: fields that depend on others, rows of parameters, the preview. Without it the form works too.
(function () {
  "use strict";

  function valueOf(form, name) {
    const field = form.elements.namedItem(name);
    return field ? field.value : "";
  }

  function showDependentRows(form) {
    form.querySelectorAll("[data-shown-when]").forEach(function (input) {
      const [name, value] = input.dataset.shownWhen.split("=");
      input.closest(".console-row").hidden = valueOf(form, name) !== value;
    });
    const ios = valueOf(form, "target_type") === "device" && valueOf(form, "platform") === "2";
    form.querySelector("[name=android_channel]").closest(".console-row").hidden = ios;
  }

  function showPreview(form) {
    form.querySelectorAll("[data-preview-of]").forEach(function (element) {
      element.textContent = valueOf(form, element.dataset.previewOf) || element.dataset.empty;
    });
    const silent = valueOf(form, "silent") === "1";
    form.querySelector("[data-preview]").hidden = silent;
    form.querySelector("[data-preview-silent]").hidden = !silent;
    form.querySelector("[data-preview]").dataset.style = valueOf(form, "style");
  }

  function addRows(container) {
    const prefix = container.dataset.rows;
    const total = container.querySelector(`[name=${prefix}-TOTAL_FORMS]`);
    const most = Number(container.querySelector(`[name=${prefix}-MAX_NUM_FORMS]`).value);
    const button = container.querySelector("[data-rows-add]");
    button.hidden = false;
    button.addEventListener("click", function () {
      const index = Number(total.value);
      if (index >= most) {
        return;
      }
      const row = container.querySelector("template").innerHTML.replaceAll("__prefix__", String(index));
      container.querySelector("[data-rows-list]").insertAdjacentHTML("beforeend", row);
      total.value = String(index + 1);
      container.querySelector("[data-rows-list]").lastElementChild.querySelector("input").focus();
    });
  }

  document.addEventListener("DOMContentLoaded", function () {
    const form = document.querySelector("[data-simple-push]");
    const update = function () {
      showDependentRows(form);
      showPreview(form);
    };
    form.addEventListener("input", update);
    form.addEventListener("change", update);
    form.querySelectorAll("[data-rows]").forEach(addRows);
    form.addEventListener("submit", () => form.querySelector("[type=submit]").classList.add("console-busy"));
    update();
  });
})();
