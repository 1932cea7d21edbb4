// A node-opcua server for tests/conformance/test_opcua_foreign.py.
//
//   node server.js <modules folder> <data folder> <port>
//
// Prints "ready <endpoint>" when it listens. Reads commands from stdin, one per line:
// "count <n>" sets Counter to 1, 2, ... n, one each COUNT_MS, "delete <name>" removes a variable, and the end
// of stdin ends the server, so that it never outlives the test.
"use strict";

const path = require("path");
const readline = require("readline");
const { createRequire } = require("module");

const [modules, data, port] = process.argv.slice(2);
const load = createRequire(path.join(modules, "package.json"));
const { OPCUAServer } = load("node-opcua-server");
const { OPCUACertificateManager } = load("node-opcua-certificate-manager");
const { DataType, Variant, VariantArrayType } = load("node-opcua-variant");
const { StatusCodes } = load("node-opcua-status-code");
const { coerceLocalizedText } = load("node-opcua-data-model");

const COUNT_MS = 100; // the server samples every 50 ms and sees each value
const USER = { name: "spindle", password: "right" };

const VALUES = [
  ["Bool", DataType.Boolean, true],
  ["Int8", DataType.SByte, -100],
  ["UInt8", DataType.Byte, 200],
  ["Int16", DataType.Int16, -30000],
  ["UInt16", DataType.UInt16, 60000],
  ["Int32", DataType.Int32, -2000000000],
  ["UInt32", DataType.UInt32, 4000000000],
  ["Int64", DataType.Int64, [0xffffffff, 0xfffffffe]], // high and low word of -2
  ["UInt64", DataType.UInt64, [0x7fffffff, 0xffffffff]], // 2^63 - 1
  ["UInt64Large", DataType.UInt64, [0x80000000, 0]], // 2^63: has no place in int64
  ["Float", DataType.Float, 1.5],
  ["Double", DataType.Double, 1e300],
  ["String", DataType.String, "Grüße"],
  ["Localized", DataType.LocalizedText, coerceLocalizedText("läuft")],
];

async function main() {
  const server = new OPCUAServer({
    port: Number(port),
    host: "127.0.0.1",
    hostname: "127.0.0.1",
    resourcePath: "/plant",
    buildInfo: { productName: "foreign" },
    serverCertificateManager: new OPCUACertificateManager({
      automaticallyAcceptUnknownCertificate: true,
      rootFolder: path.join(data, "pki"),
    }),
    userCertificateManager: new OPCUACertificateManager({
      automaticallyAcceptUnknownCertificate: true,
      rootFolder: path.join(data, "userpki"),
    }),
    userManager: { isValidUser: (name, word) => name === USER.name && word === USER.password },
    serverCapabilities: {
      operationLimits: { maxNodesPerRead: 7, maxMonitoredItemsPerCall: 5 },
    },
  });
  await server.initialize();
  const space = server.engine.addressSpace;
  const own = space.getOwnNamespace();
  const nodes = {};
  const add = (name, dataType, value, arrayType) => {
    nodes[name] = own.addVariable({
      organizedBy: space.rootFolder.objects,
      nodeId: `s=${name}`,
      browseName: name,
      dataType,
      valueRank: arrayType === undefined ? -1 : 1,
      minimumSamplingInterval: 0,
    });
    nodes[name].setValueFromSource(
      new Variant({ dataType, value, arrayType: arrayType ?? VariantArrayType.Scalar }),
      StatusCodes.Good,
    );
  };
  for (const [name, type, value] of VALUES) add(name, type, value);
  add("Array", DataType.Float, new Float32Array([1, 2]), VariantArrayType.Array);
  add("Counter", DataType.UInt32, 0);
  for (let i = 0; i < 40; i++) add(`Many${i}`, DataType.Int32, i);
  await server.start();
  console.log(`ready opc.tcp://127.0.0.1:${port}/plant`);

  const lines = readline.createInterface({ input: process.stdin });
  lines.on("line", async (line) => {
    const [command, argument] = line.split(" ");
    if (command === "count") {
      for (let i = 1; i <= Number(argument); i++) {
        nodes.Counter.setValueFromSource(new Variant({ dataType: DataType.UInt32, value: i }));
        await new Promise((resolve) => setTimeout(resolve, COUNT_MS));
      }
    } else if (command === "delete") {
      space.deleteNode(nodes[argument].nodeId);
    }
    console.log(`done ${line}`);
  });
  lines.on("close", () => process.exit(0));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
