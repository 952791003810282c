// Create a message or a template: fields that depend on others, counters, rows of parameters, the preview, drafts, test
// devices, the file. The form itself works without it, in more steps.
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

  function textElement(tag, text) {
    const element = document.createElement(tag);
    element.textContent = text;
    return element;
  }

  // Below the fields, in place of what was there before.
  function showAdvice(form, advice) {
    form.querySelectorAll("[data-advice]").forEach((element) => element.remove());
    advice.forEach(function (one) {
      const field = form.elements.namedItem(one.field);
      const row = field && field.closest && field.closest(".console-row");
      if (row) {
        const line = textElement("p", one.text);
        line.className = "console-advice";
        line.dataset.advice = "";
        row.append(line);
      }
    });
  }

  // Of a template, in the words of the preview: what the service takes for a placeholder.
  function showPlaceholders(form, names) {
    const list = form.querySelector("[data-placeholders]");
    if (list) {
      const shown = names.map((name) => textElement("code", `#${name}#`));
      list.replaceChildren(...(shown.length ? shown : [textElement("span", list.dataset.empty)]));
    }
  }

  // Draw the picture at an https address; nothing else may be loaded. While an address is typed it is not asked for.
  function drawImage(place, url) {
    place.hidden = !url;
    if (place.dataset.url === url || document.activeElement.matches("[name^=icon_], [name^=image_]")) {
      return;
    }
    const size = document.querySelector(`[data-preview-size=${place.dataset.previewImage}]`);
    place.dataset.url = url;
    place.textContent = size.textContent = "";
    if (!url.startsWith("https://")) {
      place.append(textElement("span", url ? gettext("Only images from https addresses are drawn here.") : ""));
      return;
    }
    const image = document.createElement("img");
    image.alt = "";
    image.referrerPolicy = "no-referrer";
    image.addEventListener("load", function () {
      const pixels = `${image.naturalWidth} x ${image.naturalHeight}`;
      if (pixels !== place.dataset.advised && place.contains(image)) {
        size.textContent = interpolate(gettext("%s: %s pixels; %s are advised."), [place.dataset.label, pixels, place.dataset.advised]);
      }
    });
    image.addEventListener("error", function () {
      place.replaceChildren(textElement("span", gettext("The image cannot be loaded.")));
    });
    image.src = url;
    place.append(image);
  }

  function addPreview(form) {
    const pane = form.querySelector("[data-preview-pane]");
    const refresh = latest(async function () {
      const answer = await fetch(form.dataset.previewUrl, { method: "POST", body: new FormData(form) });
      if (answer.ok) {
        show(await answer.json());
      }
    });

    let made = null;

    function show(answer) {
      made = answer;
      ["android", "ios"].forEach(function (name) {
        const element = pane.querySelector(`[data-preview-of=${name}]`);
        element.textContent = made[name] || element.dataset.empty;
      });
      pane.querySelector("[data-preview]").hidden = made.silent;
      pane.querySelector("[data-preview]").dataset.style = made.style;
      pane.querySelector("[data-preview-silent]").hidden = !made.silent;
      showChannel();
      showAdvice(form, made.advice);
      showPlaceholders(form, made.placeholders);
      pane.querySelector("[data-preview-notes]").replaceChildren(
        ...made.channels.filter((one) => one.note).map((one) => textElement("li", one.note)),
      );
    }

    // As the selected channel shows it.
    function showChannel() {
      const number = Number(pane.querySelector("[data-preview-channel]").value);
      const shown = made && made.channels.find((one) => one.channel === number);
      ["title", "body"].forEach(function (name) {
        const element = pane.querySelector(`[data-preview-of=${name}]`);
        element.textContent = (shown && shown[name]) || element.dataset.empty;
      });
      ["icon", "image"].forEach(function (name) {
        drawImage(pane.querySelector(`[data-preview-image=${name}]`), (shown && shown[name]) || "");
      });
    }

    pane.querySelector("[data-preview-channel]").addEventListener("change", function (event) {
      event.stopPropagation();
      showChannel();
    });
    pane.querySelector("[data-preview-dark]").addEventListener("click", function (event) {
      const dark = pane.querySelector("[data-preview-phone]").classList.toggle("console-phone-dark");
      event.currentTarget.setAttribute("aria-pressed", String(dark));
    });

    let timer = 0;
    form.addEventListener("input", function () {
      window.clearTimeout(timer);
      timer = window.setTimeout(refresh, 150);
    });
    // An address of an image is drawn once it is left.
    form.addEventListener("focusout", function (event) {
      if (event.target.matches("[name^=icon_], [name^=image_]")) {
        window.setTimeout(showChannel);
      }
    });
    refresh();
    return refresh;
  }

  // The tabs of the kinds submit the form to another address.
  function addKinds(form) {
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
  function addDraft(form) {
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

  function addTesting(form) {
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
})();
