// Fields that depend on others, counters of characters, rows of parameters.
import { valueOf } from "./elements.js";

export function showDependentRows(form) {
  form.querySelectorAll("[data-shown-when]").forEach(function (input) {
    const shown = input.dataset.shownWhen.split(" ").every(function (condition) {
      const [name, value] = condition.split("=");
      return valueOf(form, name) === value;
    });
    input.closest(".console-row").hidden = !shown;
  });
  const asked = !form.elements.namedItem("target_type") || valueOf(form, "target_type") === "device";
  const ios = asked && valueOf(form, "platform") === "2";
  form.querySelectorAll("[name=android_channel], [data-android-only]").forEach(function (input) {
    input.closest(".console-row").hidden = ios;
  });
}

export function addCounter(input) {
  const counter = document.createElement("span");
  counter.className = "console-counter";
  counter.id = `${input.id}_counter`;
  const count = function () {
    // The service counts code points, as Python does.
    counter.textContent = `${Array.from(input.value).length} / ${input.maxLength}`;
  };
  input.addEventListener("input", count);
  input.insertAdjacentElement("afterend", counter);
  count();
}

export function addRows(container) {
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
