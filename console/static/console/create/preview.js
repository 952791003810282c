// The preview: the message as each channel shows it, its images, and advice below the fields.
import { latest, textElement } from "./elements.js";

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

export function addPreview(form) {
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

export function addTabs(list) {
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
