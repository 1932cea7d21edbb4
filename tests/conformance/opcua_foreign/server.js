// A node-opcua server for tests/conformance/test_opcua_foreign.py.
//
//   node server.js <modules folder> <data folder> <port>
//
// Its commands (see start.js): "count <n>" sets Counter to 1, 2, ... n, one each COUNT_MS;
// "delete <name>" removes a variable.
"use strict";

const start = require("./start.js");

const { DataType, Variant, VariantArrayType, load } = start;
const { StatusCodes } = load("node-opcua-status-code");
const { coerceLocalizedText } = load("node-opcua-data-model");

const COUNT_MS = 100; // the server samples every 50 ms and sees each value

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
  const server = start.makeServer({
    hostname: "127.0.0.1",
    serverCertificateManager: start.certificates("pki", { acceptAll: true }),
    userCertificateManager: start.certificates("userpki", { acceptAll: true }),
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
  await start.serve(server, async (line) => {
    const [command, argument] = line.split(" ");
    if (command === "count") {
      for (let i = 1; i <= Number(argument); i++) {
        nodes.Counter.setValueFromSource(new Variant({ dataType: DataType.UInt32, value: i }));
        await new Promise((resolve) => setTimeout(resolve, COUNT_MS));
      }
    } else if (command === "delete") {
      space.deleteNode(nodes[argument].nodeId);
    }
  });
}

start.run(main);
