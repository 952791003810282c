// The device simulator: a device by the TypeScript SDK (sdk/js), and a phone to look at.
(function () {
  "use strict";

  const MOST_NOTIFICATIONS = 20;
  const MOST_LOG_LINES = 100;

  class Phone {
    constructor(page) {
      this.page = page;
      this.inbox = page.querySelector("[data-inbox]");
    }

    log(text) {
      const list = this.page.querySelector("[data-log]");
      const line = document.createElement("li");
      const time = document.createElement("time");
      time.textContent = new Date().toLocaleTimeString();
      line.append(time, text);
      list.prepend(line);
      while (list.children.length > MOST_LOG_LINES) {
        list.lastElementChild.remove();
      }
    }

    showState(state) {
      const badge = this.page.querySelector("[data-state]");
      badge.dataset.state = state;
      badge.textContent = this.page.dataset[{ off: "textOff", connecting: "textConnecting", online: "textOnline" }[state]];
      this.enable("on", state === "off");
      this.enable("off", state !== "off");
      ["push", "bind", "unbind"].forEach((name) => this.enable(name, state === "online"));
    }

    enable(name, enabled) {
      const button = this.page.querySelector(`[data-do=${name}]`);
      if (button) {
        button.disabled = !enabled;
      }
    }

    notify(key, content, onEvent) {
      const card = this.page.querySelector("[data-notification]").content.firstElementChild.cloneNode(true);
      card.dataset.key = key;
      card.dataset.style = content.style || 0;
      card.querySelector("[data-at]").textContent = new Date().toLocaleTimeString();
      card.querySelector("[data-title]").textContent = content.title;
      card.querySelector("[data-content]").textContent = content.content;
      card.addEventListener("click", (event) => {
        const name = event.target.dataset.do;
        if (name) {
          onEvent(name === "open" ? "opened" : "ignored");
          this.remove(key);
        }
      });
      this.inbox.prepend(card);
      if (this.inbox.children.length > MOST_NOTIFICATIONS) {
        this.inbox.lastElementChild.remove();
      }
      this.showWhetherEmpty();
    }

    remove(key) {
      const card = Array.from(this.inbox.children).find((one) => one.dataset.key === key);
      if (card) {
        card.remove();
      }
      this.showWhetherEmpty();
    }

    showWhetherEmpty() {
      this.page.querySelector("[data-nothing]").hidden = this.inbox.children.length > 0;
    }
  }

  class Device {
    constructor(page, phone) {
      this.page = page;
      this.phone = phone;
      this.client = null;
    }

    async post(url) {
      const body = new FormData();
      body.set("workspace", this.page.dataset.workspace);
      const token = this.page.querySelector("[name=csrfmiddlewaretoken]").value;
      const answer = await fetch(url, { method: "POST", body: body, headers: { "X-CSRFToken": token } });
      const known = (answer.headers.get("content-type") || "").startsWith("application/json");
      const data = known ? await answer.json() : {};
      if (!answer.ok) {
        throw new Error(data.error || interpolate(gettext("The console answered with status %s."), [answer.status]));
      }
      return data;
    }

    // Asks for the device's secret once; it stays in this page's memory alone.
    async switchOn() {
      this.phone.showState("connecting");
      try {
        this.client = this.client || this.device(await this.post(this.page.dataset.switchOn));
      } catch (error) {
        this.phone.log(interpolate(gettext("Not registered: %s"), [error.message]));
        this.phone.showState("off");
        return;
      }
      await this.client.start({ consent: true });
      this.page.querySelector("[data-ad-token]").textContent = this.client.token;
      this.offerAsTestDevice();
    }

    device({ appId, workspaceId, adToken, secret }) {
      const config = {
        endpoint: this.page.dataset.gateway,
        httpEndpoint: window.location.origin,
        appId: appId,
        workspaceId: workspaceId,
        clientKey: "", // the console registers the device
        platform: "android",
      };
      return new MpsDevice.SinglePageClient({
        config: config,
        store: MpsDevice.MemoryStore.withIdentity(config, { adToken: adToken, secret: secret }),
        onMessage: (message) => this.show(message),
        onRevoked: (key) => this.revoke(key),
        onState: (state) => this.follow(state),
      });
    }

    // The link leads to the form of a test device, filled in with this one.
    offerAsTestDevice() {
      const link = this.page.querySelector("[data-test-device]");
      const device = {
        workspace: this.page.dataset.workspace,
        name: gettext("Device simulator"),
        delivery_type: 1,
        target: this.client.token,
      };
      link.href = `${link.dataset.testDevice}?${new URLSearchParams(device)}`;
      link.hidden = false;
    }

    follow({ state, reason }) {
      if (state === "refused" || state === "replaced") {
        // Another page with the same device renewed its secret: this one would be refused for ever.
        const taken = gettext("Taken over: the device was switched on elsewhere");
        this.phone.log(state === "replaced" ? taken : interpolate(gettext("Not connected: %s"), [reason]));
        const leaving = this.client;
        this.client = null;
        leaving.stop();
      } else if (state === "connected") {
        this.phone.log(gettext("Connected"));
      } else if (state === "waiting") {
        this.phone.log(interpolate(gettext("Not connected: %s"), [reason]));
      } else if (state === "stopped") {
        this.phone.log(gettext("Offline"));
      }
      this.phone.showState({ connected: "online", connecting: "connecting", waiting: "connecting" }[state] || "off");
    }

    switchOff() {
      this.client.stop();
    }

    revoke(key) {
      this.phone.log(interpolate(gettext("Revoked: %s"), [key]));
      this.phone.remove(key);
    }

    show({ k, data }) {
      if (data.silent) {
        this.phone.log(gettext("Silent message received"));
        return;
      }
      this.phone.log(interpolate(gettext("Received: %s"), [data.title]));
      this.phone.notify(k, data, (name) => this.report(k, name, data.url || data.title));
    }

    // The phone can be touched while it is offline too; without a client there is nobody to report to.
    async report(key, name, what) {
      if (this.client && this.client.state.state !== "stopped") {
        await this.client[name](key);
        this.phone.log(interpolate(name === "opened" ? gettext("Reported opened: %s") : gettext("Reported ignored: %s"), [what]));
      }
    }

    async bind({ userId, bindToken }) {
      await this.ask(this.client.bind(userId, bindToken && (() => bindToken)), `${this.page.dataset.textBound} ${userId}`);
    }

    async unbind(userId) {
      await this.ask(this.client.unbind(userId), this.page.dataset.textUnbound);
    }

    async ask(answered, meaning) {
      try {
        await answered;
        this.page.querySelector("[data-user]").textContent = meaning;
        this.phone.log(meaning);
      } catch (error) {
        this.phone.log(`${meaning}: ${error.message}`);
      }
    }

    async pushToMyself() {
      try {
        const made = await this.post(this.page.dataset.push);
        this.phone.log(interpolate(gettext("Pushed: task %s"), [made.task]));
      } catch (error) {
        this.phone.log(interpolate(gettext("Not pushed: %s"), [error.message]));
      }
    }
  }

  document.addEventListener("DOMContentLoaded", function () {
    const page = document.querySelector("[data-simulator]");
    if (!page) {
      return;
    }
    const device = new Device(page, new Phone(page));
    const form = page.querySelector("[data-bind]");
    const actions = {
      on: () => device.switchOn(),
      off: () => device.switchOff(),
      push: () => device.pushToMyself(),
      unbind: () => device.unbind(form.elements.userId.value),
    };
    page.addEventListener("click", (event) => {
      const action = actions[event.target.dataset.do];
      if (action) {
        action();
      }
    });
    form.addEventListener("submit", function (event) {
      event.preventDefault();
      device.bind(Object.fromEntries(new FormData(form)));
    });
    page.querySelector("[data-choose]").addEventListener("change", function (event) {
      window.location.search = `?workspace=${event.target.value}`;
    });
    page.querySelector("[data-clock]").textContent = new Date().toLocaleTimeString([], {
      hour: "2-digit",
      minute: "2-digit",
    });
  });
})();
