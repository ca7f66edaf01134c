// strong-soap calls the bank from its WSDL. Prints a line for each case that went well.
const assert = require('node:assert');
const { soap } = require('strong-soap');

const open = (url, options) => new Promise((resolve, reject) =>
  soap.createClient(url, options, (error, client) => (error ? reject(error) : resolve(client))));

(async () => {
  const url = `${process.argv[2]}?wsdl`;
  for (const [version, port, options] of [['1.1', 'BankSoap11', {}], ['1.2', 'BankSoap12', { forceSoap12Headers: true }]]) {
    const client = await open(url, options);
    const bank = (operation, given) => new Promise((resolve, reject) =>
      client.Bank[port][operation](given, (error, result) => (error ? reject(error) : resolve(result))));
    const { account: ada } = await bank('OpenAccount', { owner: 'Ada & Söhne', openingBalance: '100' });
    const { account: bob } = await bank('OpenAccount', { owner: 'Bob', openingBalance: '0' });
    assert.equal(Number((await bank('Transfer', { from: ada, to: bob, amount: '30.25' })).balance), 69.75);
    assert.equal(Number((await bank('GetBalance', { account: bob })).balance), 30.25);
    console.log(`${version}: calls`);
    const { transaction } = await bank('ListTransactions', { account: bob });
    assert.deepEqual(transaction.map((entry) => entry.kind), ['Opening', 'Received']);
    console.log(`${version}: structures and dates`);
    for (const [name, operation, given] of [
      ['InsufficientFunds', 'Transfer', { from: bob, to: ada, amount: '1000' }],
      ['UnknownAccount', 'GetBalance', { account: '000000000000' }],
    ]) {
      const error = await bank(operation, given).then(() => null, (error) => error);
      assert.ok(error.body.includes(`<${name} `), error.message);
      assert.match(error.body, /:(Client|Sender)</);
      console.log(`${version}: ${name}`);
    }
  }
})().catch((error) => { console.error(error.message); process.exit(1); });
