// Create a message: fields that depend on others, counters, rows of parameters, the preview, the file. All but the file
// works without it, in more steps.
(function () {
  "use strict";

  function valueOf(form, name) {
    const field = form.elements.namedItem(name);
    return field ? field.value : "";
  }

  function showDependentRows(form) {
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

  function addCounter(input) {
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

  // Calls at once that come while the last one is answered are one call, after it.
  function latest(work) {
    let running = false;
    let wanted = false;
    return async function call() {
      wanted = true;
      if (running) {
        return;
      }
      running = true;
      try {
        while (wanted) {
          wanted = false;
          await work();
        }
      } finally {
        running = false;
      }
    };
  }

  function addPreview(form) {
    const pane = form.querySelector("[data-preview-pane]");
    const refresh = latest(async function () {
      const answer = await fetch(form.dataset.previewUrl, { method: "POST", body: new FormData(form) });
      if (answer.ok) {
        show(await answer.json());
      }
    });

    function show(made) {
      pane.querySelectorAll("[data-preview-of]").forEach(function (element) {
        element.textContent = made[element.dataset.previewOf] || element.dataset.empty;
      });
      pane.querySelector("[data-preview]").hidden = made.silent;
      pane.querySelector("[data-preview]").dataset.style = made.style;
      pane.querySelector("[data-preview-silent]").hidden = !made.silent;
      pane.querySelector("[data-preview-icon]").hidden = !made.icon;
      pane.querySelector("[data-preview-image]").hidden = !made.image;
    }

    let timer = 0;
    form.addEventListener("input", function () {
      window.clearTimeout(timer);
      timer = window.setTimeout(refresh, 150);
    });
    refresh();
    return refresh;
  }

  function addTabs(list) {
    const tabs = Array.from(list.querySelectorAll("[role=tab]"));
    function select(tab) {
      tabs.forEach(function (other) {
        const selected = other === tab;
        other.setAttribute("aria-selected", String(selected));
        other.tabIndex = selected ? 0 : -1;
        document.getElementById(other.getAttribute("aria-controls")).hidden = !selected;
      });
    }
    tabs.forEach(function (tab, index) {
      tab.addEventListener("click", () => select(tab));
      tab.addEventListener("keydown", function (event) {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (step) {
          const next = tabs[(index + step + tabs.length) % tabs.length];
          select(next);
          next.focus();
        }
      });
    });
  }

  // The part of the page that shows the chosen template, made anew by the server; what was typed stays.
  function addTemplateChoice(form, then) {
    const choice = form.querySelector("[data-reloads=template]");
    if (!choice) {
      return;
    }
    choice.addEventListener("change", async function () {
      const address = new URL(window.location.href);
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

  function addFile(form, then) {
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
    addTemplateChoice(form, function () {
      showDependentRows(form);
      refresh();
      inspect();
    });
    form.addEventListener("input", () => showDependentRows(form));
    showDependentRows(form);
  });
})();
