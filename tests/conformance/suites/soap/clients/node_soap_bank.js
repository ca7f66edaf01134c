// node-soap calls the bank from its WSDL, and spec-soap with parts beside the envelope. Prints a line for each case that went well.
const assert = require('node:assert');
const soap = require('soap');

(async () => {
  const url = `${process.argv[2]}?wsdl`;
  for (const [version, port, options, each] of [
    ['1.1', 'BankSoap11', {}, {}],
    ['1.2', 'BankSoap12', { forceSoap12Headers: true }, {}],
    ['1.1 with MTOM', 'BankSoap11', {}, { forceMTOM: true }],
    ['1.2 with MTOM', 'BankSoap12', { forceSoap12Headers: true }, { forceMTOM: true }],
  ]) {
    const client = await soap.createClientAsync(url, options);
    const bank = (operation, given) => new Promise((resolve, reject) =>
      client.Bank[port][operation](given, (error, result) => (error ? reject(error) : resolve(result)), each));
    const { account: ada } = await bank('OpenAccount', { owner: 'Ada & Söhne', openingBalance: '100' });
    const { account: bob } = await bank('OpenAccount', { owner: 'Bob', openingBalance: '0' });
    const { balance } = await bank('Transfer', { from: ada, to: bob, amount: '30.25' });
    assert.equal(Number(balance), 69.75);
    assert.equal(Number((await bank('GetBalance', { account: bob })).balance), 30.25);
    console.log(`${version}: calls`);
    const { transaction } = await bank('ListTransactions', { account: bob });
    assert.deepEqual(transaction.map((entry) => entry.kind), ['Opening', 'Received']);
    console.log(`${version}: structures and dates`);
    for (const [name, operation, given] of [
      ['InsufficientFunds', 'Transfer', { from: bob, to: ada, amount: '1000' }],
      ['UnknownAccount', 'GetBalance', { account: '000000000000' }],
    ]) {
      const fault = await bank(operation, given).then(() => null, (error) => error.root.Envelope.Body.Fault);
      const detail = fault.detail ?? fault.Detail;
      assert.ok(detail[name].account, JSON.stringify(fault));
      assert.match(fault.faultcode ?? fault.Code.Value, /:(Client|Sender)$/);
      console.log(`${version}: ${name}`);
    }
  }
  const spec = await soap.createClientAsync(`${process.argv[3]}?wsdl`, { parseReponseAttachments: true });
  await spec.AttachAsync('text & bytes', { forceMTOM: true });
  const [included] = spec.lastResponseAttachments.parts;
  assert.match(spec.lastResponse, /<xop:Include /);
  assert.equal(Buffer.from(included.body).toString(), 'text & bytes');
  console.log('MTOM: a part that the answer includes');
  const body = Buffer.from([0, 13, 10, 45, 45, 255]);
  const attachments = [{ mimetype: 'application/octet-stream', contentId: 'part@node', name: 'part', body }];
  await spec.EchoAsync({}, { attachments });
  const [returned] = spec.lastResponseAttachments.parts;
  assert.deepEqual(Buffer.from(returned.body), body);
  console.log('MTOM: a part of its own');
})().catch((error) => { console.error(error.message); process.exit(1); });
