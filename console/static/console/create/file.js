// The file of a multiple push: uploaded at once, and looked into.
import { latest, valueOf } from "./elements.js";

export function addFile(form, then) {
  const input = form.querySelector("[data-file]");
  if (!input) {
    return () => {};
  }
  const progress = form.querySelector("[data-file-progress]");
  const problem = form.querySelector("[data-file-error]");
  const findings = form.querySelector("[data-part=findings]");
  const submit = form.querySelector("[name=step][value=review]");

  const inspect = latest(async function () {
    if (!valueOf(form, "file")) {
      return;
    }
    findings.classList.add("console-busy");
    const answer = await fetch(form.dataset.inspectUrl, { method: "POST", body: new FormData(form) });
    if (answer.ok) {
      findings.innerHTML = await answer.text();
    }
    findings.classList.remove("console-busy");
  });

  function finish(answer) {
    progress.hidden = true;
    input.disabled = submit.disabled = false;
    if (answer.error) {
      problem.textContent = answer.error;
      return;
    }
    form.elements.namedItem("file").value = answer.file;
    inspect().then(then);
  }

  // Taken before it gets to the input: django-unfold would write the name into the next text field it finds.
  form.addEventListener("change", function (event) {
    if (event.target !== input) {
      return;
    }
    event.stopPropagation();
    const file = input.files[0];
    if (!file) {
      return;
    }
    problem.textContent = findings.innerHTML = form.elements.namedItem("file").value = "";
    form.querySelector("[data-file-label]").textContent = form.elements.namedItem("file_name").value = file.name;
    progress.value = 0;
    progress.hidden = false;
    input.disabled = submit.disabled = true;
    const request = new XMLHttpRequest();
    request.upload.addEventListener("progress", function (event) {
      progress.value = (100 * event.loaded) / event.total;
    });
    request.addEventListener("loadend", function () {
      const known = request.response && (request.response.file || request.response.error);
      finish(known ? request.response : { error: interpolate(gettext("The upload failed (%s)."), [request.status || gettext("no connection")]) });
    });
    request.open("POST", form.dataset.uploadUrl);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.setRequestHeader("X-CSRFToken", valueOf(form, "csrfmiddlewaretoken"));
    request.responseType = "json";
    request.send(file);
  }, true);
  form.addEventListener("change", function (event) {
    if (["target_type", "platform"].includes(event.target.name)) {
      inspect();
    }
  });
  inspect();
  return inspect;
}
