// `json-rpc-2.0` leaves the transport to its user: `fetch`, whose body it reads only after a status of 200.
"use strict";
const assert = require("assert");
const { JSONRPCClient, createJSONRPCRequest } = require("json-rpc-2.0");

const statuses = [];
const client = new JSONRPCClient(async (message) => {
  const answer = await fetch(process.argv[2], {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(message),
  });
  statuses.push(answer.status);
  if (answer.status === 200) client.receive(await answer.json());
  else assert.strictEqual(answer.status, 204);
});

async function errorOf(call) {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new Error("there was no error");
}

async function main() {
  assert.strictEqual(await client.request("subtract", [42, 23]), 19);
  console.log("by position");
  assert.strictEqual(await client.request("subtract", { subtrahend: 23, minuend: 42 }), 19);
  console.log("by name");
  client.notify("update", [1, 2]);
  while (!statuses.includes(204)) await new Promise(setImmediate);
  console.log("notification");
  assert.strictEqual((await errorOf(client.request("nobody"))).code, -32601);
  console.log("unknown method");
  const error = await errorOf(client.request("fail", [7, "seven"]));
  assert.deepStrictEqual([error.code, error.message], [7, "seven"]);
  console.log("failure");
  for (const value of [null, true, 1.5, "ü 😀", [1, [2]], { a: { "": null } }]) {
    assert.deepStrictEqual(await client.request("echo", [value]), value);
  }
  console.log("values");
  const batch = [createJSONRPCRequest("a", "sum", [1, 2]), createJSONRPCRequest("b", "get_data")];
  const answers = await client.requestAdvanced(batch);
  assert.deepStrictEqual(answers.map((answer) => [answer.id, answer.result]), [["a", 3], ["b", ["hello", 5]]]);
  console.log("batch");
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
