// One of the clients for Node reads a pull terminal: node_client.js PACKAGE PORT. Prints what it was given as one line of JSON.
const [name, port] = process.argv.slice(2);
const Client = require(name);

async function main() {
  // They talk to the console, which is the answer's place here.
  console.log = () => {};
  const client = new Client("127.0.0.1", Number(port), 20000, 0);
  await client.createSocket();
  // First of all: after a table these clients take its closing word for the answer to their next question.
  const { userCounts, logCounts } = await client.getInfo();
  const users = await client.getUsers();
  const log = await client.getAttendances();
  // The three name the same things differently.
  const people = users.data.map((user) => [user.uid, user.userId]);
  const records = log.data.map((one) => [one.deviceUserId ?? one.user_id, new Date(one.recordTime ?? one.record_time).toISOString()]);
  return JSON.stringify({ counted: [userCounts, logCounts], people, records, error: String(log.err ?? "") });
}

main().then((told) => process.stdout.write(told, () => process.exit(0)), (error) => { console.error(error); process.exit(1); });
