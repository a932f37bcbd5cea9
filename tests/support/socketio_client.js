// A published socket.io-client, told what to do by lines of JSON on standard input:
//   ["emit", name, ...args]   ["call", name, ...args]   ["engine"]   ["close"]
// What happens to it is told the same way on standard output.
const io = require("socket.io-client");
const [url, transports] = process.argv.slice(2);
const tell = (...words) => console.log(JSON.stringify(words));

const socket = io(url, {
  transports: transports.split(","),
  forceNew: true,
  reconnectionDelay: 50,
  reconnectionDelayMax: 100,
});
socket.io.on("open", () => {
  tell("open", socket.io.engine.transport.name);
  socket.io.engine.on("upgrade", (transport) => tell("upgrade", transport.name));
});
socket.on("connect", () => {
  tell("connect", socket.id);
  // As the OWT client does: something is asked for before a websocket can be there.
  socket.emit("echo", "first", (...answer) => tell("first", ...answer));
});
socket.on("disconnect", (reason) => tell("disconnect", reason));
socket.on("connect_error", (error) => tell("connect_error", error.message));
socket.on("error", (error) => tell("error", String(error)));
socket.on("echo", (...args) => tell("echo", ...args));
socket.on("flood", (text) => tell("flood", text.length));

const commands = {
  emit: (name, ...args) => socket.emit(name, ...args),
  call: (name, ...args) => socket.emit(name, ...args, (...answer) => tell("answer", ...answer)),
  engine: () => tell("engine", socket.io.engine.id, socket.io.engine.transport.name),
  close: () => socket.close(),
};
require("readline")
  .createInterface({ input: process.stdin })
  .on("line", (line) => {
    const [command, ...words] = JSON.parse(line);
    commands[command](...words);
  });
