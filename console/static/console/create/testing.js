// The push to test devices, without leaving the page.
import { textElement } from "./elements.js";

export function addTesting(form) {
  const button = form.querySelector("[data-push-test]");
  if (!button) {
    return;
  }
  const list = form.querySelector("[data-tested]");
  function line(one) {
    const item = textElement("li", `${one.text} `);
    const link = textElement("a", interpolate(gettext("Task %s"), [one.task]));
    Object.assign(link, { href: one.address, className: "text-link", target: "_blank" });
    item.append(link);
    return item;
  }
  function problem(text) {
    const item = textElement("li", text);
    item.className = "console-error";
    return item;
  }
  button.addEventListener("click", async function () {
    button.disabled = true;
    try {
      const answer = await fetch(form.dataset.testUrl, { method: "POST", body: new FormData(form) });
      const result = await answer.json();
      list.replaceChildren(...(result.sent ? result.sent.map(line) : result.errors.map(problem)));
    } catch {
      list.replaceChildren(problem(gettext("The test was not pushed: no connection.")));
    } finally {
      button.disabled = false;
    }
  });
}
