// @parse/node-apn: a provider is one connection; it takes what it is given and keeps it itself.
"use strict";

const apn = require("@parse/node-apn");
const { readFileSync } = require("node:fs");

async function main(asked) {
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
  const notification = new apn.Notification();
  notification.topic = bundle_id;
  notification.rawPayload = asked.message;
  const send = async (tokens) => {
    const { failed } = await provider.send(notification, tokens);
    if (failed.length) throw new Error(JSON.stringify(failed[0]));
  };
  await send(asked.tokens.slice(0, 1));
  const runs = [];
  for (let run = 0; run < asked.runs; run++) {
    const used = process.cpuUsage(), begun = process.hrtime.bigint();
    for (let start = 0; start < asked.tokens.length; start += 400) await send(asked.tokens.slice(start, start + 400));
    const { user, system } = process.cpuUsage(used);
    runs.push({ core: (user + system) / 1e6, wall: Number(process.hrtime.bigint() - begun) / 1e9 });
  }
  console.log(JSON.stringify(runs));
  provider.shutdown();
  process.exit(0);
}

main(JSON.parse(readFileSync(0, "utf8"))).catch((error) => {
  console.error(error);
  process.exit(1);
});
