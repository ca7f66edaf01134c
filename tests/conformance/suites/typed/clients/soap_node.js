// SOAP with Node's `soap`. Everything that it knows of the service is from the WSDL, and so is everything that this program does to
// values. Calls and answers are those of driver.py.
//
//   soap_node.js MOUNT Soap11|Soap12
'use strict';
const readline = require('node:readline');
const soap = require('soap');

const [, , mount, version] = process.argv;

// What `describe()` says beside the members of a type.
const NOT_MEMBERS = ['targetNSAlias', 'targetNamespace'];
const names = (type) => Object.keys(type).filter((name) => !NOT_MEMBERS.includes(name));
const isSimple = (type) => typeof type === 'string';
const itemOf = (type) => type['item[]'];
const isTuple = (type) => names(type).length > 0 && names(type).every((name, place) => name === `item${place + 1}`);

// What XML Schema calls the numbers that are none.
const ENDLESS = { NaN: 'NaN', Infinity: 'INF', '-Infinity': '-INF' };

// The elements of cases without payload: booleans that can only be true. `describe()` does not say that their value is fixed.
const fixed = new Set();
const collect = (element) => {
  if (element.$fixed === 'true') fixed.add(element.$name);
  for (const child of element.children ?? []) collect(child);
};

// The value as the client wants it. What does not fit the type is left as it is, and the client sends it.
function native(value, type) {
  if (/^xs:(float|double)$/.test(type) && value in ENDLESS) return ENDLESS[value];
  if (value === null || isSimple(type)) return value;
  if (Array.isArray(value) && itemOf(type)) return { item: value.map((part) => native(part, itemOf(type))) };
  if (Array.isArray(value) && isTuple(type)) {
    return Object.fromEntries(names(type).map((name, place) => [name, native(value[place], type[name])]));
  }
  if (typeof value === 'string' && fixed.has(value) && value in type) return { [value]: true };
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, type[name] ? native(part, type[name]) : part]));
}

// What the client gives as JSON has it. Of what is there and has nothing in it, the client says null.
function plain(value, type) {
  if (isSimple(type)) {
    const name = type.split('|').find((part) => part.startsWith('xs:')).slice(3);
    if (/^(unsigned)?(byte|short|int)$/i.test(name) || /^(float|double)$/.test(name)) return Number(value);
    return name === 'boolean' ? String(value) === 'true' : value ?? '';
  }
  if (itemOf(type)) return (value?.item ?? []).map((part) => plain(part, itemOf(type)));
  if (isTuple(type)) return names(type).map((name) => plain(value[name], type[name]));
  const [only, ...more] = Object.keys(value);
  if (!more.length && fixed.has(only) && String(value[only]) === 'true') return only;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part, type[name])]));
}

(async () => {
  // Without these, a `long` would be a number, and rounded, and texts would be trimmed.
  const exact = { customDeserializer: { long: (text) => text }, preserveWhitespace: true };
  const options = { forceSoap12Headers: version === 'Soap12', ...exact };
  const client = await soap.createClientAsync(`${mount}/soap?wsdl`, options);
  const [[service, ports]] = Object.entries(client.describe());
  const [port, operations] = Object.entries(ports).find(([name]) => name.endsWith(version));
  const call = (operation, given) => new Promise((resolve, reject) =>
    client[service][port][operation](given, (error, result) => (error ? reject(error) : resolve(result))));

  // What a fault has in its detail is said by its element, which `describe()` leaves out.
  const { definitions } = client.wsdl;
  const schema = definitions.schemas[definitions.$targetNamespace];
  for (const kind of Object.values(schema.complexTypes)) collect(kind);
  const errorOf = (operation) => {
    const name = `${operation}Fault`;
    return schema.elements[name].description(definitions, schema.xmlns)[name].error;
  };

  const answer = async ({ function: name, arguments: given }) => {
    const { input, output } = operations[name];
    try {
      const said = await call(name, native(given, input));
      const isThere = output.result !== undefined && said !== null && 'result' in said;
      return { result: isThere ? plain(said.result, output.result) : null };
    } catch (error) {
      const fault = error.root?.Envelope?.Body?.Fault;
      if (!fault) throw error;
      const [code, subcode] = fault.Code ? [fault.Code.Value, fault.Code.Subcode?.Value] : [fault.faultcode];
      const as = { fault: code.split(':').pop(), subcodes: subcode ? [subcode.split(':').pop()] : [] };
      const reason = fault.Reason ? fault.Reason.Text.$value ?? fault.Reason.Text : fault.faultstring;
      const detail = (fault.Detail ?? fault.detail)?.[`${name}Fault`];
      if (detail) return { error: plain(detail.error, errorOf(name)), message: reason, as };
      const found = /^((?:\/[^ ]*)?): expected (.*), found (.*)$/s.exec(reason);
      return { misfit: found && { pointer: found[1], expected: found[2], found: found[3] }, as };
    }
  };
  for await (const line of readline.createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await answer(JSON.parse(line))));
  }
})().catch((error) => { console.error(error.message); process.exit(1); });
