// The condition of a segment as rows to choose from. They write the JSON below them, which is what the form sends; a
// condition that rows cannot show (one within another, or text) stays as it is typed.
(function () {
  "use strict";

  const COMPARISONS = [["eq", "="], ["lt", "<"], ["lte", "≤"], ["gt", ">"], ["gte", "≥"]];
  const LARGEST = 20;

  // By term: its name, and what stands in a row of it.
  function termsOf(field) {
    return {
      tag: { label: gettext("Tag") },
      topic: { label: gettext("Topic") },
      attribute: { label: gettext("Attribute"), named: true, compared: true },
      platform: { label: gettext("Platform"), choices: JSON.parse(field.dataset.platforms) },
      channel: { label: gettext("Reached by"), choices: JSON.parse(field.dataset.channels) },
      app_version: { label: gettext("App version"), compared: true },
      country: { label: gettext("Country (two letters)") },
      language: { label: gettext("Language (such as zh)") },
      last_seen_within_days: { label: gettext("Seen within days"), number: true },
      bound: { label: gettext("Has a bound user"), choices: [["true", gettext("yes")], ["false", gettext("no")]] },
    };
  }

  function input(label, value, attributes) {
    const made = document.createElement("input");
    Object.assign(made, { className: "console-input", value, autocomplete: "off" }, attributes);
    made.setAttribute("aria-label", label);
    return made;
  }

  function select(label, choices, value) {
    const made = document.createElement("select");
    made.className = "console-input";
    made.setAttribute("aria-label", label);
    choices.forEach(([name, text]) => made.append(new Option(text, name)));
    made.value = value !== undefined && choices.some(([name]) => name === value) ? value : choices[0][0];
    return made;
  }

  function button(text, icon, work) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "console-add";
    const sign = document.createElement("span");
    sign.className = "material-symbols-outlined";
    sign.setAttribute("aria-hidden", "true");
    sign.textContent = icon;
    made.append(sign, text);
    made.addEventListener("click", work);
    return made;
  }

  // What an attribute is compared with: a number where it looks like one.
  function valueOf(text) {
    return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
  }

  // A row's values from a part of a condition; null where a row cannot show it.
  function read(part, terms) {
    if (typeof part !== "object" || part === null || Array.isArray(part)) {
      return null;
    }
    if ("not" in part) {
      const inner = read(part.not, terms);
      return inner && !inner.negated && Object.keys(part).length === 1 ? { ...inner, negated: true } : null;
    }
    const term = Object.keys(part).find((name) => name in terms);
    if (!term) {
      return null;
    }
    const { [term]: value, ...beside } = part;
    if (term === "attribute") {
      const [[comparison, compared] = []] = Object.entries(beside);
      const shown = typeof compared === "number" || (typeof compared === "string" && valueOf(compared) === compared);
      return shown ? { term, negated: false, name: value, comparison, value: String(compared) } : null;
    }
    if (term === "app_version") {
      const [[comparison, compared] = []] = Object.entries(value || {});
      return { term, negated: false, comparison, value: String(compared) };
    }
    return { term, negated: false, value: String(value) };
  }

  // All rows of a condition, and whether all or any of them are to hold; null where rows cannot show it.
  function readAll(text, terms) {
    let condition = {};
    try {
      condition = text.trim() ? JSON.parse(text) : { and: [] };
    } catch {
      return null;
    }
    const joined = Array.isArray(condition.or) ? "or" : "and";
    const parts = Array.isArray(condition[joined]) ? condition[joined] : [condition];
    const rows = parts.map((part) => read(part, terms));
    return rows.every(Boolean) ? { joined, rows } : null;
  }

  function addRow(list, terms, given, changed) {
    const row = document.createElement("div");
    row.className = "console-term";
    const choices = Object.entries(terms).map(([name, term]) => [name, term.label]);
    const negated = select(gettext("Whether it holds"), [["", gettext("is")], ["not", gettext("is not")]],
      given.negated ? "not" : "");
    const term = select(gettext("What is known of a device"), choices, given.term);
    const parts = document.createElement("span");
    parts.className = "console-term";

    function showParts(values) {
      const chosen = terms[term.value];
      parts.replaceChildren();
      if (chosen.named) {
        parts.append(input(gettext("Name of the attribute"), values.name || "", { name: "", size: 12 }));
      }
      if (chosen.compared) {
        parts.append(select(gettext("Comparison"), COMPARISONS, values.comparison));
      }
      parts.append(
        chosen.choices
          ? select(gettext("Value"), chosen.choices, values.value)
          : input(gettext("Value"), values.value || "", { inputMode: chosen.number ? "numeric" : "text", size: 12 }),
      );
    }

    row.condition = function () {
      const chosen = terms[term.value];
      const fields = [...parts.children].map((one) => one.value.trim());
      const typed = fields.at(-1);
      let made = { [term.value]: typed };
      if (!typed || (chosen.named && !fields[0])) {
        return null;
      }
      if (chosen.named) {
        made = { attribute: fields[0], [fields[1]]: valueOf(typed) };
      } else if (chosen.compared) {
        made = { [term.value]: { [fields[0]]: typed } };
      } else if (chosen.number) {
        made = { [term.value]: Number(typed) };
      } else if (term.value === "bound") {
        made = { bound: typed === "true" };
      }
      return negated.value ? { not: made } : made;
    };

    term.addEventListener("change", () => showParts({}));
    showParts(given);
    row.append(term, negated, parts, button(gettext("Remove"), "delete", function () {
      row.remove();
      changed();
    }));
    list.append(row);
    return term;
  }

  function addRows(field) {
    const terms = termsOf(field);
    const whole = document.createElement("div");
    whole.className = "console-terms";
    const note = document.createElement("p");
    note.textContent = gettext("This condition is more than rows can show. Change it below.");
    const joined = select(gettext("How the conditions are joined"),
      [["and", gettext("All of these hold")], ["or", gettext("At least one of these holds")]]);
    const list = document.createElement("div");

    function write() {
      const parts = [...list.children].map((row) => row.condition()).filter(Boolean);
      const condition = parts.length === 1 ? parts[0] : { [joined.value]: parts };
      field.value = parts.length ? JSON.stringify(condition, null, 2) : "";
      add.hidden = list.children.length >= LARGEST;
    }

    function changed() {
      write();
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }

    const add = button(gettext("Add a condition"), "add", () => addRow(list, terms, {}, changed).focus());

    function show() {
      const found = readAll(field.value, terms);
      note.hidden = Boolean(found);
      [joined, list, add].forEach((element) => (element.hidden = !found));
      list.replaceChildren();
      if (found) {
        joined.value = found.joined;
        found.rows.forEach((row) => addRow(list, terms, row, changed));
      }
    }

    whole.append(note, joined, list, add);
    whole.addEventListener("input", function (event) {
      event.stopPropagation();
      changed();
    });
    whole.addEventListener("change", changed);
    field.insertAdjacentElement("beforebegin", whole);
    field.addEventListener("change", show);
    show();
  }

  document.addEventListener("DOMContentLoaded", function () {
    document.querySelectorAll("[data-platforms]").forEach(addRows);
  });
})();
