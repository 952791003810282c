// The choice of a template.
import { valueOf } from "./elements.js";

// The part of the page that shows the chosen template, made anew by the server; what was typed stays.
export function addTemplateChoice(form, then) {
  const choice = form.querySelector("[data-reloads=template]");
  if (!choice) {
    return;
  }
  choice.addEventListener("change", async function () {
    // Not of the draft or the push that the page began with.
    const address = new URL(window.location.pathname, window.location.origin);
    address.searchParams.set("workspace", valueOf(form, "workspace"));
    address.searchParams.set("template", choice.value);
    const answer = await fetch(address);
    if (!answer.ok) {
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    form.querySelector("[data-part=template]").replaceWith(
      document.adoptNode(page.querySelector("[data-part=template]")),
    );
    then();
  });
}
