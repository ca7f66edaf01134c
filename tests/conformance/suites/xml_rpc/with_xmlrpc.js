// npm's `xmlrpc`.
"use strict";
const assert = require("assert");
const xmlrpc = require("xmlrpc");

const client = xmlrpc.createClient(process.argv[2]);

function call(method, ...params) {
  return new Promise((resolve, reject) =>
    client.methodCall(method, params, (error, value) => (error ? reject(error) : resolve(value))));
}

async function faultOf(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("there was no fault");
}

async function main() {
  const stooges = [{ moe: 1, larry: 2, curly: 3 }, { moe: 4, larry: 5, curly: -6 }];
  assert.strictEqual(await call("validator1.arrayOfStructsTest", stooges), -3);
  console.log("arrayOfStructsTest");
  assert.deepStrictEqual(await call("validator1.countTheEntities", "<<>&&&'''''\"\"x&amp;"), {
    ctLeftAngleBrackets: 2, ctRightAngleBrackets: 1, ctAmpersands: 4, ctApostrophes: 5, ctQuotes: 2,
  });
  console.log("countTheEntities");
  assert.strictEqual(await call("validator1.easyStructTest", stooges[0]), 6);
  console.log("easyStructTest");
  assert.deepStrictEqual(await call("validator1.echoStructTest", { a: { b: [1, "two"] } }), { a: { b: [1, "two"] } });
  console.log("echoStructTest");
  const moment = new Date(1998, 6, 17, 14, 8, 55);
  const many = [17, true, "text", 2.5, moment, Buffer.from([0, 255])];
  assert.deepStrictEqual(await call("validator1.manyTypesTest", ...many), many);
  console.log("manyTypesTest");
  assert.strictEqual(await call("validator1.moderateSizeArrayCheck", ["first", ...Array(150).fill("x"), "last"]), "firstlast");
  console.log("moderateSizeArrayCheck");
  const calendar = { 2000: { "04": { "01": stooges[0] }, "03": {} } };
  assert.strictEqual(await call("validator1.nestedStructTest", calendar), 6);
  console.log("nestedStructTest");
  assert.deepStrictEqual(await call("validator1.simpleStructReturnTest", 7), { times10: 70, times100: 700, times1000: 7000 });
  console.log("simpleStructReturnTest");
  for (const value of [
    0, -1, 2147483647, true, false, "", "  spaces\n\t ", "<b>&amp; \"'", "Grüße 東京 😀", 0.5, -1.5, [], [[1], [[]]], {},
    { "a b": [{ c: 1 }] }, moment, Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
  ]) {
    assert.deepStrictEqual(await call("echo", value), value);
  }
  console.log("every type there and back");
  for (const [method, params, code] of [["nobody", [], -32601], ["subtract", [1], -32602], ["fail", [7, "seven"], 7]]) {
    assert.strictEqual((await faultOf(call(method, ...params))).faultCode, code);
  }
  console.log("faults");
  const methods = await call("system.listMethods");
  assert.ok(methods.includes("subtract") && methods.includes("system.multicall"));
  assert.strictEqual(await call("system.methodHelp", "subtract"), "The difference of two integers.");
  assert.deepStrictEqual(await call("system.methodSignature", "subtract"), [["int", "int", "int"]]);
  console.log("introspection");
  const calls = [{ methodName: "subtract", params: [42, 23] }, { methodName: "fail", params: [7, "seven"] }];
  assert.deepStrictEqual(await call("system.multicall", calls), [[19], { faultCode: 7, faultString: "seven" }]);
  console.log("multicall");
  // An i8 is read as a text, since a number of JavaScript could not hold it; nil goes both ways.
  class Wide extends xmlrpc.CustomType {}
  Wide.prototype.tagName = "i8";
  assert.strictEqual(await call("echo", new Wide("9007199254740993")), "9007199254740993");
  assert.deepStrictEqual(await call("echo", [null, { a: null }]), [null, { a: null }]);
  console.log("i8 and nil");
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
