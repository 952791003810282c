// @parse/node-apn: a provider is one connection; it takes what it is given and keeps it itself. 400 side by side.
"use strict";

const apn = require("@parse/node-apn");
const { readFileSync } = require("node:fs");
const { createInterface } = require("node:readline");

async function main(lines) {
  const asked = JSON.parse((await lines.next()).value);
  const { hostname, port } = new URL(asked.url);
  const { p8, key_id, team_id, bundle_id } = asked.values;
  const provider = new apn.Provider({
    token: { key: p8, keyId: key_id, teamId: team_id },
    address: hostname,
    port: Number(port),
    production: true,
    ca: readFileSync(process.env.NODE_EXTRA_CA_CERTS),
    connectionRetryLimit: 3,
    requestTimeout: 60000,
  });
  const send = async ({ token, message, collapse }) => {
    const notification = new apn.Notification();
    notification.topic = bundle_id;
    notification.pushType = asked.push_type;
    notification.priority = asked.priority;
    notification.expiry = Math.floor(Date.now() / 1000) + asked.seconds;
    notification.collapseId = collapse;
    notification.rawPayload = message;
    const { failed } = await provider.send(notification, token);
    if (failed.length) throw new Error(JSON.stringify(failed[0]));
  };
  console.log("ready");
  for await (const _line of lines) {
    await Promise.all(asked.notifications.slice(0, 400).map(send));
    const used = process.cpuUsage(), begun = process.hrtime.bigint();
    for (let start = 0; start < asked.notifications.length; start += 400)
      await Promise.all(asked.notifications.slice(start, start + 400).map(send));
    const { user, system } = process.cpuUsage(used);
    console.log(JSON.stringify({ core: (user + system) / 1e6, wall: Number(process.hrtime.bigint() - begun) / 1e9 }));
  }
}

main(createInterface({ input: process.stdin })[Symbol.asyncIterator]()).catch((error) => {
  console.error(error);
  process.exit(1);
});
