// Files that are asked for on a page: saved at once, or, where they take their time, when they are written.
(function () {
  "use strict";

  function wait(milliseconds) {
    return new Promise((done) => window.setTimeout(done, milliseconds));
  }

  async function follow(form, address) {
    const progress = form.querySelector("[data-export-progress]");
    progress.hidden = false;
    for (;;) {
      const state = await (await fetch(address)).json();
      if (state.rows) {
        progress.value = Math.min(1, state.done / state.rows);
      } else {
        progress.removeAttribute("value"); // nobody knows how many there are
      }
      if (state.fault || state.file) {
        progress.hidden = true;
        return state;
      }
      await wait(700);
    }
  }

  function addExport(form) {
    const link = form.querySelector("[data-export-link]");
    const problem = form.querySelector("[data-export-error]");
    form.addEventListener("submit", async function (event) {
      event.preventDefault();
      link.hidden = true;
      problem.textContent = "";
      const answer = await fetch(form.action, { method: "POST", body: new FormData(form, event.submitter) });
      if (answer.status === 200) {
        link.href = URL.createObjectURL(await answer.blob());
        link.download = (answer.headers.get("Content-Disposition") || "").split('"')[1] || "usage";
        link.hidden = false;
        link.click();
        return;
      }
      const said = await answer.json().catch(() => ({ error: interpolate(gettext("The export failed (%s)."), [answer.status]) }));
      const state = said.state ? await follow(form, said.state) : { fault: said.error };
      problem.textContent = state.fault || "";
      if (state.file) {
        link.href = state.file;
        link.hidden = false;
      }
    });
  }

  document.addEventListener("DOMContentLoaded", function () {
    document.querySelectorAll("[data-export]").forEach(addExport);
  });
})();
