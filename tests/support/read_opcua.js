// Reads the OPC UA server as a client of another make (node-opcua). Arguments: URL, user, password, node, seconds.
// Prints a JSON object: endpoints, children of the node, value and status of active_power_w below it, changes that a
// subscription received, result of a write, and whether an anonymous session and a wrong password were accepted.
const {
  AttributeIds, ClientMonitoredItem, ClientSubscription, DataType, MessageSecurityMode, OPCUAClient, SecurityPolicy,
  TimestampsToReturn, UserTokenType,
} = require("node-opcua-client");

const [url, userName, password, node, seconds] = process.argv.slice(2);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function accepted(login) {
  const client = newClient();
  await client.connect(url);
  try {
    const session = await client.createSession(login);
    await session.close();
    return true;
  } catch (error) {
    return false;
  } finally {
    await client.disconnect();
  }
}

const newClient = () => OPCUAClient.create({
  securityMode: MessageSecurityMode.SignAndEncrypt, securityPolicy: SecurityPolicy.Basic256Sha256,
  endpointMustExist: false, connectionStrategy: { maxRetry: 1 },
});

async function main() {
  const login = { type: UserTokenType.UserName, userName, password };
  const client = newClient();
  await client.connect(url);
  const endpoints = (await client.getEndpoints()).map((item) => MessageSecurityMode[item.securityMode]);
  const session = await client.createSession(login);
  const power = { nodeId: `${node}/active_power_w`, attributeId: AttributeIds.Value };
  const browsed = await session.browse(node);
  const value = await session.read(power);
  const unit = await session.read({ nodeId: (await session.browse({ nodeId: power.nodeId, referenceTypeId: "HasProperty" }))
    .references[0].nodeId, attributeId: AttributeIds.Value });
  const subscription = ClientSubscription.create(session, { requestedPublishingInterval: 100, publishingEnabled: true });
  const item = ClientMonitoredItem.create(subscription, power, { samplingInterval: 0, queueSize: 100 }, TimestampsToReturn.Both);
  const changes = [];
  item.on("changed", (changed) => changes.push(changed.value.value));
  await sleep(1000 * Number(seconds));
  const written = await session.write({ ...power, value: { value: { dataType: DataType.Double, value: 1 } } })
    .then((status) => status.name, (error) => /Bad\w+/.exec(error.message)?.[0] ?? error.message);
  await subscription.terminate();
  await session.close();
  await client.disconnect();
  const result = {
    endpoints, children: browsed.references.map((reference) => reference.browseName.name).sort(), value: value.value.value,
    status: value.statusCode.name, source_ms: value.sourceTimestamp.getTime(), unit: unit.value.value.displayName.text,
    changes, written, anonymous: await accepted({ type: UserTokenType.Anonymous }),
    wrong: await accepted({ ...login, password: "wrong-password" }),
  };
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
}

main().catch((error) => { console.error(error); process.exit(1); });
