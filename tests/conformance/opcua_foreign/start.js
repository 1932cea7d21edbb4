// How both servers of this folder start and end: `node <script> <modules folder> <data folder> <port>`.
//
// `serve` prints "ready <endpoint>". It reads commands from stdin, one per line, and prints
// "done <command>" after each; the end of stdin ends the server, so that it never outlives the test.
"use strict";

const path = require("path");
const readline = require("readline");
const { createRequire } = require("module");

const [modules, data, port] = process.argv.slice(2);
const load = createRequire(path.join(modules, "package.json"));
const { OPCUAServer } = load("node-opcua-server");
const { OPCUACertificateManager } = load("node-opcua-certificate-manager");
const { DataType, Variant, VariantArrayType } = load("node-opcua-variant");

const USER = { name: "spindle", password: "right" };

// The certificates that are kept in the folder `name` of the data folder.
function certificates(name, { acceptAll }) {
  return new OPCUACertificateManager({
    automaticallyAcceptUnknownCertificate: acceptAll,
    rootFolder: path.join(data, name),
  });
}

function makeServer(settings) {
  return new OPCUAServer({
    port: Number(port),
    host: "127.0.0.1",
    resourcePath: "/plant",
    buildInfo: { productName: "foreign" },
    userManager: { isValidUser: (name, word) => name === USER.name && word === USER.password },
    ...settings,
  });
}

// Start an initialized server; `obey` is called with each line of stdin and may be async.
async function serve(server, obey) {
  await server.start();
  console.log(`ready opc.tcp://127.0.0.1:${port}/plant`);
  const lines = readline.createInterface({ input: process.stdin });
  lines.on("line", async (line) => {
    await obey(line);
    console.log(`done ${line}`);
  });
  lines.on("close", () => process.exit(0));
}

// A failure ends the process with its reason on stderr.
function run(main) {
  main().catch((error) => {
    console.error(error);
    process.exit(1);
  });
}

module.exports = {
  DataType,
  Variant,
  VariantArrayType,
  certificates,
  data,
  load,
  makeServer,
  run,
  serve,
};
