// `jayson` over HTTP, or over WebSocket when the address says so.
"use strict";
const assert = require("assert");
const jayson = require("jayson");

const url = new URL(process.argv[2]);

function call(client, ...message) {
  return new Promise((resolve, reject) =>
    client.request(...message, (error, answer) => (error ? reject(error) : resolve(answer))));
}

async function main() {
  const overWebSocket = url.protocol === "ws:";
  const client = overWebSocket
    ? jayson.Client.websocket({ url: url.href })
    : jayson.Client.http({ host: url.hostname, port: url.port, path: url.pathname });
  if (overWebSocket) await new Promise((resolve) => client.ws.on("open", resolve));

  assert.strictEqual((await call(client, "subtract", [42, 23])).result, 19);
  console.log("by position");
  assert.strictEqual((await call(client, "subtract", { subtrahend: 23, minuend: 42 })).result, 19);
  console.log("by name");
  assert.strictEqual(await call(client, "update", [1, 2], null), undefined);
  console.log("notification");
  assert.strictEqual((await call(client, "nobody", [])).error.code, -32601);
  console.log("unknown method");
  const { error } = await call(client, "fail", [7, "seven"]);
  assert.deepStrictEqual([error.code, error.message], [7, "seven"]);
  console.log("failure");
  for (const value of [null, true, 1.5, "ü 😀", [1, [2]], { a: { "": null } }]) {
    assert.deepStrictEqual((await call(client, "echo", [value])).result, value);
  }
  console.log("values");
  const batch = [client.request("sum", [1, 2], undefined, false), client.request("get_data", [], undefined, false)];
  const answers = await call(client, batch);
  assert.deepStrictEqual(answers.map((answer) => answer.result), [3, ["hello", 5]]);
  console.log("batch");
  if (overWebSocket) {
    const calls = Array.from({ length: 100 }, (_, number) => call(client, "sum", [number, 1]));
    const results = (await Promise.all(calls)).map((answer) => answer.result);
    assert.deepStrictEqual(results, Array.from({ length: 100 }, (_, number) => number + 1));
    console.log("at the same time");
    client.ws.close();
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
