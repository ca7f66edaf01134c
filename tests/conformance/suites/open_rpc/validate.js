// Holds a document against the meta-schema of OpenRPC 1.3 and the one of JSON Schema draft 7 that it refers to.
"use strict";
const fs = require("fs");
const Ajv = require("ajv");
const jsonSchema = require("@json-schema-tools/meta-schema").default;
const openRpc = require("@open-rpc/meta-schema");

const ajv = new Ajv({ allErrors: true });
ajv.addSchema(jsonSchema, "https://meta.json-schema.tools");
const document = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
if (!ajv.validate(openRpc.default || openRpc, document)) {
  console.error(ajv.errorsText(ajv.errors));
  process.exitCode = 1;
}
