// Makes a client of a WSDL document, and wants every operation in every port.
"use strict";
const fs = require("fs");
const soap = require("soap");

soap.createClientAsync(process.argv[2]).then((client) => {
  const wanted = new Set(fs.readFileSync(process.argv[2], "utf8").match(/wsdl:operation name="[^"]+"/g)).size;
  for (const ports of Object.values(client.describe())) {
    for (const [port, operations] of Object.entries(ports)) {
      const seen = Object.keys(operations).length;
      if (seen !== wanted) {
        console.error(`${port} has ${seen} operations of ${wanted}`);
        process.exitCode = 1;
      }
    }
  }
});
