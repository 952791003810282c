// A device on mqtt.js: tells in lines of JSON what happens to it, does what it is told in lines of JSON.
const mqtt = require('mqtt');
const readline = require('readline');

const say = (line) => process.stdout.write(JSON.stringify(line) + '\n');
const options = JSON.parse(process.argv[3]);
const device = mqtt.connect(process.argv[2], { clean: true, ...options });

device.on('connect', (packet) => say({
  event: 'connect',
  clientId: packet.properties?.assignedClientIdentifier,
  secret: packet.properties?.userProperties?.secret,
}));
device.on('message', (topic, payload) => say({ event: 'message', topic, payload: JSON.parse(payload) }));
device.on('disconnect', (packet) => say({ event: 'disconnect', code: packet.reasonCode }));
device.on('close', () => say({ event: 'close' }));
device.on('error', (error) => say({ event: 'error', code: error.code, message: error.message }));

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const told = JSON.parse(line);
  if (told.publish) device.publish(told.publish, JSON.stringify(told.payload), { qos: 1 });
  if (told.drop) device.stream.destroy();
}).on('close', () => device.end(true, () => process.exit(0)));
