// The device simulator: a device of the gateway (docs/gateway.md) by mqtt.js, and a phone to look at.
(function () {
  "use strict";

  const MOST_NOTIFICATIONS = 20;
  const MOST_LOG_LINES = 100;
  const MOST_KEYS = 1000;

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
      this.seen = [];
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
        this.identity = this.identity || (await this.post(this.page.dataset.switchOn));
      } catch (error) {
        this.phone.log(interpolate(gettext("Not registered: %s"), [error.message]));
        this.phone.showState("off");
        return;
      }
      this.page.querySelector("[data-ad-token]").textContent = this.identity.adToken;
      this.offerAsTestDevice();
      this.connect();
    }

    // The link leads to the form of a test device, filled in with this one.
    offerAsTestDevice() {
      const link = this.page.querySelector("[data-test-device]");
      const device = {
        workspace: this.page.dataset.workspace,
        name: gettext("Device simulator"),
        delivery_type: 1,
        target: this.identity.adToken,
      };
      link.href = `${link.dataset.testDevice}?${new URLSearchParams(device)}`;
      link.hidden = false;
    }

    connect() {
      const client = mqtt.connect(this.page.dataset.gateway, {
        protocolVersion: 5,
        clientId: this.identity.adToken,
        username: this.identity.username,
        password: this.identity.secret,
        clean: true,
        keepalive: 30,
        reconnectPeriod: 2000,
        timerVariant: "native",
      });
      this.client = client;
      client.on("connect", () => {
        this.phone.showState("online");
        this.phone.log(gettext("Connected"));
      });
      client.on("close", () => this.client === client && this.phone.showState("connecting"));
      client.on("error", (error) => this.refused(error));
      client.on("disconnect", (packet) => this.sentAway(packet.reasonCode));
      client.on("message", (topic, payload) => this.receive(topic, JSON.parse(payload.toString())));
    }

    // Another page with the same device renewed its secret: this one would be refused for ever.
    refused(error) {
      this.phone.log(interpolate(gettext("Not connected: %s"), [error.message]));
      if (error.code === 0x86 || error.code === 0x87) {
        this.identity = null;
        this.switchOff();
      }
    }

    sentAway(reason) {
      if (reason === 0x8e) {
        this.phone.log(gettext("Taken over: the device was switched on elsewhere"));
        this.identity = null;
        this.switchOff();
      }
    }

    switchOff() {
      if (this.client) {
        const leaving = this.client;
        this.client = null;
        leaving.end();
        this.phone.log(gettext("Offline"));
      }
      this.phone.showState("off");
    }

    receive(topic, message) {
      if (topic === "mps/inbox") {
        this.show(message);
      } else if (topic === "simulator/answer") {
        this.phone.log(`${this.asked}: ${message.success ? "done" : message.message}`);
        if (message.success) {
          this.page.querySelector("[data-user]").textContent = this.asked;
        }
      }
    }

    show(message) {
      if (this.seen.includes(message.k)) {
        return;
      }
      this.seen = [...this.seen.slice(1 - MOST_KEYS), message.k];
      const content = message.bData;
      if (content.revokes) {
        this.phone.log(interpolate(gettext("Revoked: %s"), [content.revokes]));
        this.phone.remove(content.revokes);
        return;
      }
      this.report(message.k, "arrived");
      if (content.silent) {
        this.phone.log(gettext("Silent message received"));
        return;
      }
      this.phone.log(interpolate(gettext("Received: %s"), [content.title]));
      this.phone.notify(message.k, content, (name) => {
        this.report(message.k, name);
        this.phone.log(interpolate(name === "opened" ? gettext("Reported opened: %s") : gettext("Reported ignored: %s"), [content.url || content.title]));
      });
    }

    report(key, event) {
      if (this.client) {
        this.client.publish("mps/event", JSON.stringify([{ k: key, event: event, at: Date.now() }]), { qos: 1 });
      }
    }

    ask(topic, request, meaning) {
      this.asked = meaning;
      this.client.publish(topic, JSON.stringify(request), { qos: 1, properties: { responseTopic: "simulator/answer" } });
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
      unbind: () => device.ask("mps/unbind", { userId: form.elements.userId.value }, page.dataset.textUnbound),
    };
    page.addEventListener("click", (event) => {
      const action = actions[event.target.dataset.do];
      if (action) {
        action();
      }
    });
    form.addEventListener("submit", function (event) {
      event.preventDefault();
      const request = Object.fromEntries(new FormData(form));
      device.ask("mps/bind", request, `${page.dataset.textBound} ${request.userId}`);
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
