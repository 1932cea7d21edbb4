// A node-opcua server for the browse and security tests: an address space worth looking around in,
// all policies, a list of trusted clients.
//
//   node space.js <modules folder> <data folder> <port>
//
// Its commands (see start.js): "trust" moves every rejected client to the trusted ones, "trust-user"
// the same for certificates that are users.
"use strict";

const fs = require("fs");
const path = require("path");
const start = require("./start.js");

const { DataType, Variant, VariantArrayType, data, load } = start;
const { makeAccessLevelFlag } = load("node-opcua-data-model");
const { standardUnits } = load("node-opcua-data-access");

const MANY = 1500;

async function trustAll(manager, name) {
  const folder = path.join(data, name, "rejected");
  for (const file of fs.readdirSync(folder)) {
    const der = fs.readFileSync(path.join(folder, file));
    const text = der.toString("latin1");
    const body = text.includes("-----BEGIN")
      ? Buffer.from(text.replace(/-----[^-]+-----/g, "").replace(/[^A-Za-z0-9+/=]/g, ""), "base64")
      : der;
    await manager.trustCertificate(body);
  }
}

function fill(space) {
  const own = space.getOwnNamespace();
  const add = (parent, name, dataType, value, more = {}) =>
    own.addVariable({
      componentOf: parent,
      nodeId: `s=${parent.browseName.name}.${name}`,
      browseName: name,
      dataType,
      value: new Variant({ dataType, value, arrayType: more.arrayType ?? VariantArrayType.Scalar }),
      valueRank: more.arrayType === undefined ? -1 : 1,
      ...more.options,
    });
  const folder = (parent, name) =>
    own.addFolder(parent, { browseName: name, nodeId: `s=${name}` });

  const filler = folder(space.rootFolder.objects, "Filler");
  add(filler, "Speed", DataType.Double, 12.5, {
    options: {
      description: "Bottles per minute",
      accessLevel: makeAccessLevelFlag("CurrentRead"),
      userAccessLevel: makeAccessLevelFlag("CurrentRead"),
    },
  });
  own.addAnalogDataItem({
    componentOf: filler,
    nodeId: "s=Filler.Level",
    browseName: "Level",
    dataType: "Float",
    engineeringUnitsRange: { low: 0, high: 100 },
    engineeringUnits: standardUnits.percent,
    value: new Variant({ dataType: DataType.Float, value: 50 }),
  });
  add(filler, "Setpoint", DataType.Int16, 7);
  add(filler, "Profile", DataType.Float, new Float32Array([1, 2]), {
    arrayType: VariantArrayType.Array,
  });
  own.addVariable({
    componentOf: filler,
    nodeId: "s=Filler.Any",
    browseName: "Any",
    dataType: "Number",
    value: new Variant({ dataType: DataType.UInt16, value: 3 }),
  });
  const state = own.addEnumerationType({ browseName: "FillerState", enumeration: ["Off", "On"] });
  own.addVariable({
    componentOf: filler,
    nodeId: "s=Filler.State",
    browseName: "State",
    dataType: state.nodeId,
    value: new Variant({ dataType: DataType.Int32, value: 1 }),
  });
  add(filler, "Secret", DataType.String, "x", {
    options: {
      accessLevel: makeAccessLevelFlag("CurrentWrite"),
      userAccessLevel: makeAccessLevelFlag("CurrentWrite"),
    },
  });
  // A loop: the folder Valves is below the filler, and the filler below Valves.
  const valves = folder(filler, "Valves");
  add(valves, "Open", DataType.Boolean, true);
  valves.addReference({ referenceType: "Organizes", nodeId: filler.nodeId });

  const many = folder(space.rootFolder.objects, "Many");
  for (let i = 0; i < MANY; i++) {
    own.addVariable({
      organizedBy: many,
      nodeId: `i=${100000 + i}`,
      browseName: `Tag${i}`,
      dataType: "Int32",
      value: new Variant({ dataType: DataType.Int32, value: i }),
    });
  }
}

async function main() {
  const clients = start.certificates("pki", { acceptAll: false });
  const users = start.certificates("userpki", { acceptAll: false });
  const server = start.makeServer({
    hostname: "plc-7.invalid", // what it advertises: no name that anybody can look up
    serverCertificateManager: clients,
    userCertificateManager: users,
    serverCapabilities: {
      maxBrowseContinuationPoints: 2,
      operationLimits: { maxNodesPerRead: 900, maxNodesPerBrowse: 20 },
    },
  });
  await server.initialize();
  fill(server.engine.addressSpace);
  await start.serve(server, async (line) => {
    if (line === "trust") await trustAll(clients, "pki");
    if (line === "trust-user") await trustAll(users, "userpki");
  });
}

start.run(main);
