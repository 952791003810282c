// Files that are asked for on a page: saved at once, or, where they take their time, when they are written.
(function () {
  "use strict";

  function wait(milliseconds) {
    return new Promise((done) => window.setTimeout(done, milliseconds));
  }

  class SessionEndedError extends Error {}

  // Without a session the console leads to the page to log in on.
  async function ask(address, options) {
    const answer = await fetch(address, options);
    if (answer.redirected) {
      throw new SessionEndedError(new URL(answer.url).pathname);
    }
    return answer;
  }

  function say(problem, error) {
    if (!(error instanceof SessionEndedError)) {
      problem.textContent = gettext("The console did not answer; try again.");
      return;
    }
    const link = document.createElement("a");
    link.className = "text-link underline";
    link.href = `${error.message}?${new URLSearchParams({ next: window.location.pathname + window.location.search })}`;
    link.textContent = gettext("Log in");
    problem.replaceChildren(gettext("Your session has ended."), " ", link);
  }

  async function follow(progress, address) {
    progress.hidden = false;
    for (;;) {
      const state = await (await ask(address)).json();
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
    const progress = form.querySelector("[data-export-progress]");

    async function fetchFile(submitter) {
      const answer = await ask(form.action, { method: "POST", body: new FormData(form, submitter) });
      if (answer.status === 200) {
        link.href = URL.createObjectURL(await answer.blob());
        link.download = (answer.headers.get("Content-Disposition") || "").split('"')[1] || "usage";
        link.hidden = false;
        link.click();
        return;
      }
      const said = await answer.json().catch(() => ({ error: interpolate(gettext("The export failed (%s)."), [answer.status]) }));
      const state = said.state ? await follow(progress, said.state) : { fault: said.error };
      problem.textContent = state.fault || "";
      if (state.file) {
        link.href = state.file;
        link.hidden = false;
      }
    }

    form.addEventListener("submit", function (event) {
      event.preventDefault();
      link.hidden = true;
      problem.textContent = "";
      fetchFile(event.submitter).catch(function (error) {
        progress.hidden = true;
        say(problem, error);
      });
    });
  }

  document.addEventListener("DOMContentLoaded", function () {
    document.querySelectorAll("[data-export]").forEach(addExport);
  });
})();
