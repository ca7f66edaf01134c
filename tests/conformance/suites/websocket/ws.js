// npm's ws against an echo: `ws.js URL`. Prints a line for each case that went well.
const { once } = require("node:events");
const WebSocket = require("ws");

async function talk(url, title, perMessageDeflate) {
  const socket = new WebSocket(url, ["other", "echo"], { perMessageDeflate });
  await once(socket, "open");
  if (socket.extensions.includes("permessage-deflate") !== Boolean(perMessageDeflate)) throw new Error(socket.extensions);
  if (socket.protocol === "echo") console.log(`${title}: subprotocol`);
  const echo = async (sent) => {
    socket.send(sent);
    const [data, isBinary] = await once(socket, "message");
    if (isBinary !== (typeof sent !== "string")) throw new Error(`binary ${isBinary} to ${typeof sent}`);
    if (Buffer.compare(data, Buffer.from(sent)) !== 0) throw new Error(`${data.length} other bytes`);
  };
  for (const text of ["hello", "", "\u{1f600} h\u00e9", "x".repeat(70_000)]) await echo(text);
  console.log(`${title}: text`);
  await echo(Buffer.from([0, 255, 1]));
  console.log(`${title}: binary`);
  await echo(Buffer.alloc(4 * 1024 * 1024, "0123456789abcdef"));
  console.log(`${title}: long`);
  socket.close(4321, "bye");
  const [code] = await once(socket, "close");
  if (code === 4321) console.log(`${title}: close`);
}

async function main(url) {
  await talk(url, "plain", false);
  await talk(url, "compressed", { threshold: 0 });
}

main(process.argv[2]).catch((error) => {
  console.error(error);
  process.exit(1);
});
