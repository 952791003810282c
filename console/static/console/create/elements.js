// What the parts of "Create a message" share: values of fields, elements of text, calls one after the other.

export function valueOf(form, name) {
  const field = form.elements.namedItem(name);
  return field ? field.value : "";
}

export function textElement(tag, text) {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}

// Calls at once that come while the last one is answered are one call, after it.
export function latest(work) {
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
