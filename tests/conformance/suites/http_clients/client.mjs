// Carries out calls with one of Node's HTTP clients: a list of them as JSON in, what came as JSON out.

import http from "node:http";
import http2 from "node:http2";
import { text } from "node:stream/consumers";

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function withHttp({ method, url, headers, body }) {
  return new Promise((resolve, reject) => {
    const length = body === null ? {} : { "content-length": Buffer.byteLength(body) };
    const request = http.request(url, { method, headers: { ...headers, ...length }, agent }, async (answer) => {
      try {
        resolve({ status: answer.statusCode, version: answer.httpVersion, headers: answer.headers, body: await text(answer) });
      } catch (error) {
        reject(error);
      }
    });
    request.on("error", reject);
    request.end(body ?? undefined);
  });
}

let session;

function withHttp2({ method, url, headers, body }) {
  const { origin, pathname, search } = new URL(url);
  session ??= http2.connect(origin);
  return new Promise((resolve, reject) => {
    const stream = session.request({ ":method": method, ":path": pathname + search, ...headers }, { endStream: body === null });
    let fields;
    stream.on("response", (received) => (fields = received));
    stream.on("error", reject);
    const whole = text(stream);
    whole.then((body) => resolve({ status: fields[":status"], version: "2", headers: { ...fields }, body }), reject);
    if (body !== null) stream.end(body);
  });
}

async function withFetch({ method, url, headers, body }) {
  const answer = await fetch(url, { method, headers, body });
  // fetch does not say its version; undici's default speaks HTTP/1.1 only.
  return { status: answer.status, version: "1.1", headers: Object.fromEntries(answer.headers), body: await answer.text() };
}

const carryOut = { http: withHttp, http2: withHttp2, fetch: withFetch }[process.argv[2]];
const answers = [];
for (const call of JSON.parse(await text(process.stdin))) {
  try {
    answers.push(await carryOut(call));
  } catch (error) {
    answers.push({ error: `${error} ${error.cause ?? ""}` });
  }
}
session?.close();
agent.destroy();
process.stdout.write(JSON.stringify(answers));
