// Reads a document with AsyncAPI's own parser and prints what it finds wrong.
"use strict";
const fs = require("fs");
const { Parser, DiagnosticSeverity } = require("@asyncapi/parser");

const text = fs.readFileSync(process.argv[2], "utf8");
new Parser().parse(text).then(({ document, diagnostics }) => {
  // What it only recommends (a licence, a contact) is not for a host to make up.
  const wrong = diagnostics.filter((found) => found.severity <= 1 && !/^asyncapi-(info|id|latest)/.test(found.code));
  for (const found of wrong) console.error(`${found.code}: ${found.message} at ${found.path.join("/")}`);
  if (wrong.length || !document || !document.operations().length) process.exitCode = 1;
});
