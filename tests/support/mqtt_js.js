// MQTT.js on a websocket: says on standard output what it hears, one JSON array a line.
// Arguments: the URL, and the options of MQTT.js as JSON, plus `topics` and `slow`: with the latter,
// messages are acknowledged only once a line comes on standard input.
const mqtt = require("mqtt");

const [url, text] = process.argv.slice(2);
const { topics, slow, ...options } = JSON.parse(text);
const say = (...line) => console.log(JSON.stringify(line));
const client = mqtt.connect(url, { reconnectPeriod: 100, ...options });
const held = [];

if (slow) {
    client.handleMessage = (packet, done) => {
        say("held", packet.topic, packet.payload.toString(), packet.qos, packet.dup);
        held.push(done);
    };
}
process.stdin.on("data", () => held.splice(0).forEach((done) => done()));
client.on("connect", () =>
    client.subscribe(topics, { qos: 1 }, (error, granted) =>
        say("subscribed", ...(error ? [String(error.message)] : granted.map((each) => each.qos)))));
client.on("message", (topic, payload, packet) =>
    say("event", topic, payload.toString(), packet.qos, packet.dup));
client.on("close", () => say("closed"));
client.on("error", (error) => say("error", error.code ?? error.message));
client.on("disconnect", (packet) => say("disconnect", packet.reasonCode));
