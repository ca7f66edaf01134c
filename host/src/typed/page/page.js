"use strict";
// The page of a typed service: everything on it comes from the service's own contracts, and every call is the one that is shown.
(async () => {
  const { mount, paths, wsdl, namespace, contract } = JSON.parse(document.getElementById("service").textContent);
  const at = (path) => new URL(mount + path, location.href).href;
  const get = async (path) => {
    const answer = await fetch(at(path));
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer.json();
  };

  // Elements. Texts are always text, whatever a plugin's author wrote.
  const make = (name, attributes = {}, ...content) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
      else if (value !== undefined) element.setAttribute(key, value);
    }
    element.append(...content.filter((part) => part !== undefined && part !== null));
    return element;
  };
  // What escapes Markdown for viewers is not needed where nothing is rendered.
  const plain = (text) => (text || "").replace(/\\([<&!\]])/g, "$1");

  const rpc = contract;
  const openapi = paths.rest ? await get("/openapi.json") : null;
  const schemas = rpc.components.schemas;
  const resolve = (schema) => {
    while (schema && (schema.$ref || (schema.allOf && schema.allOf.length === 1))) {
      schema = schema.$ref ? schemas[schema.$ref.split("/").pop()] : schema.allOf[0];
    }
    return schema || {};
  };
  const nameOf = (schema) => {
    if (schema.allOf && schema.allOf.length === 1) return nameOf(schema.allOf[0]);
    return schema.$ref ? schema.$ref.split("/").pop() : undefined;
  };
  const isNull = (schema) => schema.type === "null";
  const isWide = (schema) => /^u?int64$/.test(resolve((schema.oneOf || [{}])[0]).title || "");
  const isFloat = (schema) => /^(float|double)$/.test(((schema.oneOf || [{}])[0]).title || "");
  const isOption = (schema) => Boolean(schema.oneOf && schema.oneOf.some((form) => isNull(form)));
  const inner = (schema) => schema.oneOf.find((form) => !isNull(form));
  const isWrapped = (schema) => Boolean(schema.properties && schema.properties.some && isOption(resolve(schema.properties.some)));

  // A type in words, with a link to it when it has a name.
  const typed = (schema) => {
    const name = nameOf(schema);
    if (name) return [make("a", { href: `#type-${name}` }, name)];
    const of = resolve(schema);
    if (isNull(of)) return ["nothing"];
    if (isOption(of)) return ["optional ", ...typed(isWrapped(inner(of)) ? inner(of).properties.some : inner(of))];
    if (isWide(of)) return [of.oneOf[0].title];
    if (isFloat(of)) return [of.oneOf[0].title];
    if (of.contentEncoding) return ["bytes (base64)"];
    if (of.type === "array" && of.uniqueItems) return ["flags: ", of.items.enum.join(", ")];
    if (of.type === "array" && Array.isArray(of.items)) {
      return ["tuple of ", ...of.items.flatMap((item, number) => [number ? ", " : "", ...typed(item)])];
    }
    if (of.type === "array") return ["list of ", ...typed(of.items)];
    if (of.enum) return [of.enum.join(" | ")];
    if (of.oneOf) return of.oneOf.flatMap((form, number) => [number ? " | " : "", ...typed(form)]);
    if (of.const) return [of.const];
    if (of.properties) {
      return ["{ ", ...Object.entries(of.properties).flatMap(([key, value], number) => [number ? ", " : "", `${key}: `, ...typed(value)]), " }"];
    }
    return [of.title || (of.maxLength === 1 ? "character" : of.type || "anything")];
  };

  const example = (schema) => {
    const of = resolve(schema);
    if (isNull(of)) return null;
    if (isOption(of)) return example(inner(of));
    if (isWide(of)) return "1";
    if (isFloat(of)) return 0.5;
    if (of.oneOf) return example(of.oneOf[0]);
    if (of.const !== undefined) return of.const;
    if (of.enum) return of.enum[0];
    if (of.type === "array") return Array.isArray(of.items) ? of.items.map(example) : [example(of.items)];
    if (of.type === "object") return Object.fromEntries(Object.entries(of.properties).map(([key, value]) => [key, example(value)]));
    if (of.type === "boolean") return true;
    if (of.type === "integer" || of.type === "number") return 1;
    return of.contentEncoding ? "Ynl0ZXM=" : of.maxLength === 1 ? "a" : "text";
  };

  // What stands in a field of the form: text for scalars, JSON for the rest.
  const isText = (schema) => {
    const of = resolve(schema);
    if (isOption(of)) return isText(inner(of));
    return of.type === "string" || isWide(of) || (of.oneOf === undefined && /^(integer|boolean)$/.test(of.type)) || isFloat(of);
  };
  const read = (schema, text) => {
    const of = isOption(resolve(schema)) ? resolve(inner(resolve(schema))) : resolve(schema);
    if (of.type === "string" || isWide(of)) return text;
    if (isFloat(of) && /^(NaN|-?Infinity)$/.test(text)) return text;
    return JSON.parse(text);
  };

  // XML, for SOAP (by the schema, into the service's namespace) and XML-RPC.
  const escaped = (text) => String(text).replace(/[&<>]/g, (letter) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[letter]);
  const element = (name, schema, value) => {
    const of = resolve(schema);
    if (value === null || value === undefined) return `<${name} xsi:nil="true"/>`;
    return `<${name}>${content(of, value)}</${name}>`;
  };
  const members = (properties, value) =>
    Object.entries(value).filter(([, part]) => part !== null).map(([key, part]) => element(key, properties[key] || {}, part)).join("");
  const content = (of, value) => {
    if (isOption(of)) {
      const some = resolve(inner(of));
      if (!isWrapped(some)) return content(some, value);
      return value.some === null ? "" : element("some", inner(resolve(some.properties.some)), value.some);
    }
    if (isFloat(of)) return { Infinity: "INF", "-Infinity": "-INF" }[value] || escaped(value);
    if (of.type === "array") {
      const named = Array.isArray(of.items);
      return value.map((item, number) => (named && item === null ? "" : element(named ? `item${number + 1}` : "item", named ? of.items[number] : of.items, item))).join("");
    }
    if (of.oneOf && !isWide(of)) {
      if (typeof value === "string") return `<${value}>true</${value}>`;
      const [name] = Object.keys(value);
      const form = of.oneOf.map(resolve).find((each) => each.properties && each.properties[name]);
      return element(name, form ? form.properties[name] : {}, value[name]);
    }
    if (of.properties) return members(of.properties, value);
    return escaped(value);
  };
  const xmlRpc = (schema, value) => {
    const of = resolve(schema);
    if (value === null || value === undefined) return "<nil/>";
    if (isOption(of)) return xmlRpc(inner(of), value);
    if (isFloat(of) && typeof value === "number") return `<double>${value}</double>`;
    if (of.contentEncoding) return `<base64>${escaped(value)}</base64>`;
    if (typeof value === "boolean") return `<boolean>${value ? 1 : 0}</boolean>`;
    if (typeof value === "number") return Math.abs(value) < 2 ** 31 ? `<int>${value}</int>` : `<i8>${value}</i8>`;
    if (typeof value === "string") return `<string>${escaped(value)}</string>`;
    if (Array.isArray(value)) {
      return `<array><data>${value.map((item, number) => `<value>${xmlRpc(Array.isArray(of.items) ? of.items[number] : of.items || {}, item)}</value>`).join("")}</data></array>`;
    }
    const form = of.properties ? of : (of.oneOf || []).map(resolve).find((each) => each.properties && Object.keys(value)[0] in each.properties) || {};
    return `<struct>${Object.entries(value).map(([key, part]) => `<member><name>${escaped(key)}</name><value>${xmlRpc((form.properties || {})[key] || {}, part)}</value></member>`).join("")}</struct>`;
  };

  // Requests, one for each form: what is sent is what is shown.
  const XML = '<?xml version="1.0"?>\n';
  const routes = new Map();
  for (const [path, methods] of Object.entries(openapi ? openapi.paths : {})) {
    for (const [method, operation] of Object.entries(methods)) routes.set(operation.operationId, { path, method: method.toUpperCase(), operation });
  }
  const forms = {
    REST: paths.rest && ((method, values) => {
      const { path, method: verb, operation } = routes.get(method.name);
      const left = { ...values };
      const query = new URLSearchParams();
      let target = path;
      for (const parameter of operation.parameters || []) {
        const value = left[parameter.name];
        delete left[parameter.name];
        if (value === undefined || value === null) continue;
        if (parameter.in === "path") target = target.replace(`{${parameter.name}}`, encodeURIComponent(value));
        else if (parameter.explode && Array.isArray(value)) value.forEach((item) => query.append(parameter.name, item));
        else query.append(parameter.name, parameter.content ? JSON.stringify(value) : value);
      }
      const url = at(target) + (query.size ? `?${query}` : "");
      if (!operation.requestBody) return { verb, url, headers: {} };
      return { verb, url, headers: { "content-type": "application/json" }, body: JSON.stringify(left, null, 2) };
    }),
    "JSON-RPC": paths.rpc && ((method, values) => ({
      verb: "POST", url: at(paths.rpc), headers: { "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: method.name, params: values }, null, 2),
    })),
    "XML-RPC": paths.xmlrpc && ((method, values) => ({
      verb: "POST", url: at(paths.xmlrpc), headers: { "content-type": "text/xml" },
      body: `${XML}<methodCall><methodName>${method.name}</methodName><params>${method.ordered
        .map((parameter) => `<param><value>${xmlRpc(parameter.schema, values[parameter.name])}</value></param>`).join("")}</params></methodCall>`,
    })),
    SOAP: paths.soap && ((method, values) => ({
      verb: "POST", url: at(paths.soap), headers: { "content-type": "text/xml; charset=utf-8" },
      body: `${XML}<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body><${method.name} xmlns="${namespace}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">${members(
        Object.fromEntries(method.params.map((parameter) => [parameter.name, parameter.schema])), values)}</${method.name}></Body></Envelope>`,
    })),
    WebSocket: paths.ws && ((method, values) => ({
      socket: at(paths.ws).replace(/^http/, "ws"),
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: method.name, params: values }),
    })),
  };

  const shown = (request) =>
    request.socket
      ? `${request.socket}\n\n${request.body}`
      : [`${request.verb} ${request.url}`, ...Object.entries(request.headers).map(([name, value]) => `${name}: ${value}`), ...(request.body ? ["", request.body] : [])].join("\n");
  const send = async (request) => {
    if (request.socket) {
      return new Promise((done, failed) => {
        const socket = new WebSocket(request.socket);
        socket.onopen = () => socket.send(request.body);
        socket.onmessage = ({ data }) => { done(data); socket.close(); };
        socket.onerror = () => failed(new Error("the connection was refused"));
      });
    }
    const answer = await fetch(request.url, { method: request.verb, headers: request.headers, body: request.body });
    const text = await answer.text();
    const lines = [...answer.headers].map(([name, value]) => `${name}: ${value}`);
    return `HTTP ${answer.status} ${answer.statusText}\n${lines.join("\n")}\n\n${indented(text, answer.headers.get("content-type") || "")}`;
  };
  const indented = (text, type) => {
    try { return /json/.test(type) ? JSON.stringify(JSON.parse(text), null, 2) : text; } catch { return text; }
  };

  const quoted = (text) => `'${text.replace(/'/g, `'\\''`)}'`;
  const clients = {
    curl: (request) => request.socket
      ? `# curl speaks no JSON-RPC over WebSocket; with websocat:\necho ${quoted(request.body)} | websocat ${quoted(request.socket)}`
      : [`curl -i -X ${request.verb} ${quoted(request.url)}`, ...Object.entries(request.headers).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`), ...(request.body ? [`--data-raw ${quoted(request.body)}`] : [])].join(" \\\n  "),
    Python: (request) => request.socket
      ? `# pip install websockets\nfrom websockets.sync.client import connect\n\nwith connect(${JSON.stringify(request.socket)}) as socket:\n    socket.send(${JSON.stringify(request.body)})\n    print(socket.recv())`
      : `import urllib.error\nimport urllib.request\n\nrequest = urllib.request.Request(\n    ${JSON.stringify(request.url)}, method=${JSON.stringify(request.verb)}, headers=${JSON.stringify(request.headers)},\n    data=${request.body ? `${JSON.stringify(request.body)}.encode()` : "None"},\n)\ntry:\n    answer = urllib.request.urlopen(request)\nexcept urllib.error.HTTPError as error:\n    answer = error  # an error has a body too\nprint(answer.status, answer.read().decode())`,
    JavaScript: (request) => request.socket
      ? `// In a browser, or Node.js 22.\nconst socket = new WebSocket(${JSON.stringify(request.socket)});\nsocket.onopen = () => socket.send(${JSON.stringify(request.body)});\nsocket.onmessage = ({ data }) => {\n  console.log(data);\n  socket.close();\n};`
      : `const answer = await fetch(${JSON.stringify(request.url)}, ${JSON.stringify({ method: request.verb, headers: request.headers, body: request.body }, null, 2)});\nconsole.log(answer.status, await answer.text());`,
  };

  const credential = make("input", { id: "credential", autocomplete: "off", placeholder: "X-API-Key: ... or Authorization: Bearer ..." });
  const withCredential = (request) => {
    const [name, ...value] = credential.value.split(":");
    if (request.headers && value.length) request.headers[name.trim()] = value.join(":").trim();
    return request;
  };

  const tryIt = (method) => {
    const fields = method.params.map((parameter) => {
      const of = resolve(parameter.schema);
      const id = `${method.name}-${parameter.name}`;
      const start = parameter.required ? example(parameter.schema) : undefined;
      const text = isText(parameter.schema);
      const hint = text ? (parameter.required ? undefined : "left out") : "JSON";
      const choices = of.enum || (isOption(of) && resolve(inner(of)).enum) || (of.type === "boolean" && ["true", "false"]);
      const input = choices
        ? make("select", { id }, ...(parameter.required ? [] : [make("option", { value: "" }, "left out")]), ...choices.map((choice) => make("option", {}, choice)))
        : make(text ? "input" : "textarea", { id, placeholder: hint, spellcheck: "false" });
      if (start !== undefined && !choices) input.value = text ? String(start) : JSON.stringify(start, null, 2);
      const label = make("label", { for: id }, make("span", {}, make("code", {}, parameter.name), " ", ...typed(parameter.schema)), input);
      return { parameter, input, label };
    });
    const form = make("select", { id: `${method.name}-form` }, ...Object.entries(forms).filter(([, form]) => form).map(([name]) => make("option", {}, name)));
    const language = make("select", { id: `${method.name}-client` }, ...Object.keys(clients).map((name) => make("option", {}, name)));
    const sent = make("pre", { tabindex: "0", "aria-label": "The request" });
    const answered = make("pre", { tabindex: "0", "aria-live": "polite", "aria-label": "The answer" });
    const client = make("pre", { tabindex: "0", "aria-label": "A client" });
    const request = () => {
      const values = {};
      for (const { parameter, input } of fields) {
        if (input.value === "" && (!parameter.required || input.tagName === "SELECT")) continue;
        try {
          values[parameter.name] = read(parameter.schema, input.value);
          input.removeAttribute("aria-invalid");
        } catch (error) {
          input.setAttribute("aria-invalid", "true");
          throw new Error(`${parameter.name}: ${error.message}`);
        }
      }
      return withCredential(forms[form.value](method, values));
    };
    const show = () => {
      try {
        const made = request();
        sent.className = "";
        copied.textContent = "";
        sent.textContent = shown(made);
        client.textContent = clients[language.value](made);
      } catch (error) {
        sent.className = "wrong";
        sent.textContent = error.message;
        client.textContent = "";
      }
    };
    const submit = async (event) => {
      event.preventDefault();
      show();
      answered.className = "";
      answered.textContent = "...";
      try {
        answered.textContent = await send(request());
      } catch (error) {
        answered.className = "wrong";
        answered.textContent = error.message;
      }
    };
    const copied = make("span", { role: "status" });
    const copy = make("button", { type: "button", class: "small", onclick: async () => {
      try {
        await navigator.clipboard.writeText(client.textContent);
        copied.textContent = "copied";
      } catch {
        // A browser has no clipboard for pages without TLS, nor where a person refused it: then the text is selected for the keyboard.
        getSelection().selectAllChildren(client);
        copied.textContent = "selected: copy it with the keyboard";
      }
    } }, "Copy");
    return {
      show,
      element: make("form", { onsubmit: submit, oninput: show },
        make("h3", {}, "Try it"), ...fields.map(({ label }) => label),
        make("div", { class: "row" }, make("label", { for: form.id }, make("span", {}, "as"), form), make("button", { type: "submit" }, "Send")),
        make("h3", {}, "Request"), sent, make("h3", {}, "Answer"), answered,
        make("div", { class: "row" }, make("label", { for: language.id }, make("span", {}, "The same from a program"), language), copy, copied), client),
    };
  };

  const table = (heads, rows) => make("div", { class: "table" }, make("table", {},
    make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", { scope: "col" }, head)))),
    make("tbody", {}, ...rows.map((cells) => make("tr", {}, ...cells.map((cell) => make("td", {}, ...[].concat(cell))))))));

  const functions = rpc.methods.map((method) => {
    method.ordered = (method["x-order"] || method.params.map((parameter) => parameter.name)).map((name) => method.params.find((parameter) => parameter.name === name));
    const route = routes.get(method.name);
    const details = make("details", { class: "function", id: method.name, ontoggle: fill },
      make("summary", {}, make("h2", {}, method.name), make("span", { class: "said" }, plain(method.summary))));
    function fill() {
      if (!details.open || details.childElementCount > 1) return;
      const form = tryIt(method);
      details.append(make("div", { class: "inside" },
        method.description ? make("p", { class: "docs" }, plain(method.description)) : null,
        route ? make("p", {}, make("code", {}, `${route.method} ${mount}${route.path}`)) : null,
        method.params.length ? make("h3", {}, "Takes") : null,
        method.params.length ? table(["name", "type", "what it is"], method.params.map((parameter) => [
          make("code", {}, parameter.name), typed(parameter.schema), plain(parameter.description)])) : null,
        make("h3", {}, "Gives"), make("p", {}, ...typed(method.result.schema)),
        method["x-error-data"] ? make("p", {}, "or the error ", ...typed(method["x-error-data"])) : null,
        form.element));
      form.show();
    }
    return details;
  });

  const types = Object.entries(schemas).filter(([name]) => !name.includes(".")).map(([name, schema]) => {
    const rows = schema.properties
      ? Object.entries(schema.properties).map(([key, value]) => [make("code", {}, key), typed(value), plain(value.description)])
      : (schema.oneOf || []).map((form) => [make("code", {}, form.const || Object.keys(form.properties || {})[0] || ""), form.properties ? typed(Object.values(form.properties)[0]) : "", plain(form.description)]);
    return make("details", { class: "type", id: `type-${name}` }, make("summary", {}, make("h2", {}, name)),
      make("div", { class: "inside" }, schema.description ? make("p", { class: "docs" }, plain(schema.description)) : null,
        rows.length ? table(["name", "type", "what it is"], rows) : make("p", {}, ...typed(schema))));
  });
  const open = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.tagName === "DETAILS") { target.open = true; target.querySelector("summary").focus(); }
  };

  const filter = make("input", { id: "filter", type: "search", oninput: () => {
    for (const each of functions) each.hidden = !each.textContent.toLowerCase().includes(filter.value.toLowerCase());
  } });
  const info = rpc.info;
  const contracts = [["OpenAPI", paths.rest && "/openapi.json"], ["OpenRPC", (paths.rpc || paths.ws) && "/openrpc.json"], ["AsyncAPI", paths.ws && "/asyncapi.json"], ["WSDL", wsdl], ["WIT", "/service.wit"]];
  document.title = info.title;
  document.getElementById("head").append(
    make("h1", {}, info.title), make("p", {}, `version ${info.version}`),
    make("p", { class: "docs" }, plain(info.description)),
    make("nav", { "aria-label": "Contracts" }, make("ul", {}, ...contracts.filter(([, path]) => path).map(([name, path]) => make("li", {}, make("a", { href: at(path) }, name))))),
    make("div", { class: "row" }, make("label", { for: "filter" }, make("span", {}, "Find a function"), filter),
      openapi && openapi.security ? make("label", { for: "credential" }, make("span", {}, "Credential"), credential) : null));
  document.getElementById("main").append(...functions, types.length ? make("h2", {}, "Types") : "", ...types);
  addEventListener("hashchange", open);
  if (functions.length === 1) functions[0].open = true;
  open();
  document.body.dataset.ready = "true";
})().catch((error) => {
  document.getElementById("main").textContent = `The contracts cannot be read: ${error.message}`;
});
