addEventListener('fetch', (event) => event.respondWith(handle(event.request)));

const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

async function handle(request) {
  const url = new URL(request.url);
  const [, verb, argument] = url.pathname.split('/');
  const number = Number(argument);
  switch (verb) {
    case 'status':
      return new Response(null, { status: number });
    case 'bytes':
      return new Response(new Uint8Array(number).fill(120), {
        headers: { 'content-type': 'application/octet-stream' },
      });
    case 'where':
      return Response.json({ scheme: url.protocol.slice(0, -1), authority: url.host });
    case 'echo':
      return new Response(request.body, { headers: { 'content-type': 'application/octet-stream' } });
    case 'events':
      return new Response(events(number), {
        headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' },
      });
    case 'fetch':
      try {
        return new Response(`answered ${(await fetch('http://127.0.0.1:9/')).status}`);
      } catch (error) {
        return new Response(`refused: ${error}`);
      }
  }
  return Response.json({
    method: request.method,
    path: url.pathname,
    query: url.search === '' ? null : url.search.slice(1),
    headers: [...request.headers],
    body: await request.text(),
  });
}

function events(count) {
  const encoder = new TextEncoder();
  let number = 0;
  return new ReadableStream({
    async pull(controller) {
      if (number === count) {
        controller.close();
        return;
      }
      if (number > 0) await sleep(100);
      controller.enqueue(encoder.encode(`id: ${number}\ndata: event ${number}\n\n`));
      number += 1;
    },
  });
}
