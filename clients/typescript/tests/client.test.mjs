// The handle of a world against a running server. `npm test` starts one; the repository's tests have their own.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  ConductError,
  connect,
  ConnectionError,
  ContractDiffError,
  ControlError,
  createWorld,
  lastRequests,
  SweepError,
  SweepFindingsError,
  UnusedFaultsError,
  VerificationError,
  withWorld,
  World,
} from "audience-mock";

const AUDIENCES = "/ad_accounts/549755885175/audiences";
const savers = { name: "Savers", audience_type: "ENGAGEMENT", rule: { engagement_type: "save" } };
const headers = { Authorization: "Bearer pina_test", "Content-Type": "application/json" };
const seeded = (id) => ({ audiences: [{ api: "pinterest", account: "549755885175", kind: "VISITOR", name: "n", id }] });

async function create(world) {
  const response = await fetch(world.urls.pinterest + AUDIENCES, { method: "POST", headers, body: JSON.stringify(savers) });
  assert.equal(response.status, 201);
  return response.json();
}

async function ids(world) {
  const response = await fetch(world.urls.pinterest + AUDIENCES, { headers });
  return (await response.json()).items.map((item) => item.id);
}

test("the URLs are the bases of both APIs and of the control API in the world", withWorld(async (world) => {
  const { id } = await create(world);
  assert.deepEqual(await ids(world), [id]);
  assert.equal(world.urls.pitchtarget, world.url);
  assert.equal(world.urls.control, `${world.url}/__admin`);
  assert.equal((await (await fetch(`${world.urls.control}/health`)).json()).audiences, 1);
}));

test("a reset leaves the seed, or nothing", withWorld(async (world) => {
  for (const to of [undefined, "seed", "empty"]) {
    await create(world);
    await world.reset(to);
    assert.deepEqual(await ids(world), []);
  }
}));

test("a world that is restored holds what it held, under any name", withWorld(async (world) => {
  const { id } = await create(world);
  await world.snapshot("one.kept");
  await create(world);
  await world.restore("one.kept");
  assert.deepEqual(await ids(world), [id]);
  await assert.rejects(world.restore("never-taken"), /no snapshot 'never-taken'/);
}));

test("a seed is an object or a file, and a state is a seed", withWorld(async (world) => {
  const file = join(await mkdtemp(join(tmpdir(), "seed-")), "seed.json");
  await writeFile(file, JSON.stringify(seeded("78")));
  assert.deepEqual((await world.seed(seeded("77"))).ids["audiences"], ["77"]);
  await world.seed(file);
  const other = await createWorld({ seed: await world.state() });
  assert.deepEqual(await ids(other), await ids(world));
  await other.delete();
  await assert.rejects(world.seed(seeded("77")), ControlError);
}));

test("settings are those of one world; they are added, or replaced", withWorld(async (world) => {
  await world.configure({ build_delay_s: 60, match_rate: 0.5 });
  assert.deepEqual((await world.configure({ build_delay_s: 0 })).settings, { build_delay_s: 0, match_rate: 0.5 });
  assert.deepEqual((await world.replaceSettings({ build_delay_s: 0 })).settings, { build_delay_s: 0 });
  assert.equal((await create(world)).status, "READY");
}));

test("a fork goes its own way, and is deleted once", withWorld(async (world) => {
  await create(world);
  const fork = await world.fork(`${world.name}-fork`);
  await create(fork);
  assert.deepEqual([(await ids(world)).length, (await ids(fork)).length], [1, 2]);
  await fork.delete();
  await assert.rejects(fork.delete(), (error) => error instanceof ControlError && error.status === 404);
}));

test("a rejection has the message, the status and the field", withWorld(async (world) => {
  await assert.rejects(world.reset("start"), (error) => {
    assert.ok(error instanceof ControlError);
    assert.equal(error.message, "to: must be one of 'seed', 'empty' (given: 'start')");
    assert.deepEqual([error.name, error.status, error.field], ["ControlError", 400, "to"]);
    return true;
  });
}));

test("the clock is set, stopped, moved and let run, and has an agenda", withWorld(async (world) => {
  const noon = new Date("2026-07-01T12:00:00Z");
  assert.equal((await world.clock.freeze(noon)).unix, noon.getTime() / 1000);
  const { id } = await create(world);
  const [event] = await world.clock.agenda({ kinds: "audience", limit: 1 });
  assert.deepEqual([event.id, event.in_s], [id, 5]);
  assert.equal((await world.clock.advance(2)).now, "2026-07-01T12:00:02.000Z");
  assert.equal((await world.clock.advance({ to: "next-event", kinds: ["audience"] })).fired, 1);
  assert.equal((await world.clock.set(noon.getTime() / 1000)).frozen, true);
  assert.equal((await world.clock.run()).frozen, false);
  assert.deepEqual(await world.clock.set("2026-07-01T12:00:00Z", { frozen: true }), await world.clock.get());
  assert.deepEqual(await world.clock.agenda({ kinds: ["token", "limit"] }), []);
  assert.throws(() => world.clock.freeze(new Date("never")), RangeError);
}));

test("faults are planned, looked at and removed", withWorld(async (world) => {
  const first = await world.faults.add("audiences/list", { status: 503, first: 1 });
  const second = await world.faults.add("*", { status: 500 });
  assert.deepEqual((await world.faults.unused()).map((fault) => fault.id), [first, second]);
  await assert.rejects(world.faults.expectUsed(), (error) => {
    assert.ok(error instanceof UnusedFaultsError);
    assert.match(error.message, new RegExp(`as planned: ${first}, ${second}\n`));
    return true;
  });
  await world.faults.remove(second);
  assert.equal((await fetch(world.urls.pinterest + AUDIENCES, { headers })).status, 503);
  await world.faults.expectUsed();
  assert.deepEqual((await world.faults.list()).map((fault) => fault.fired), [1]);
  await world.faults.clear();
  assert.deepEqual(await world.faults.list(), []);
}));

test("requests are found and verified, and a failed check has the differences", withWorld(async (world) => {
  await create(world);
  const [entry] = await world.journal.entries({ match: { body: { name: "Savers" } } });
  assert.equal(entry.operation, "audiences/create");
  assert.deepEqual((await world.verify("audiences/create", { count: 1 })).matched, [entry.number]);
  await assert.rejects(world.verify("audiences/create", { match: { body: { name: "Buyers" } } }), (error) => {
    assert.ok(error instanceof VerificationError);
    assert.match(error.message, /match\.body\.name: "Buyers" wanted, "Savers" found/);
    assert.equal(error.body.nearest?.number, entry.number);
    return true;
  });
  await world.journal.clear();
  assert.deepEqual(await world.journal.entries(), []);
  await world.verify({ never: true });
}));

test("a check that cannot be made is a ControlError; without criteria, any request will do", withWorld(async (world) => {
  await assert.rejects(world.verify("audiences/creat"), ControlError);
  await assert.rejects(world.verify(), VerificationError);
  await create(world);
  await world.verify();
}));

test("nothing that listens is a ConnectionError, and so is a server that is silent", async () => {
  const silent = createServer(() => undefined).listen(0, "127.0.0.1");
  await new Promise((resolve) => silent.once("listening", resolve));
  const url = `http://127.0.0.1:${silent.address().port}`;
  await assert.rejects(connect(url, { timeoutMs: 50 }), /nothing for 50 ms/);
  silent.closeAllConnections();
  await new Promise((resolve) => silent.close(resolve));
  await assert.rejects(connect(url), (error) => error instanceof ConnectionError && /ECONNREFUSED/.test(error.message));
});

test("another server is a ControlError that says so", async () => {
  for (const status of [200, 404]) {
    const other = createServer((_, response) => response.writeHead(status).end("<html>")).listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const connecting = connect(`http://127.0.0.1:${other.address().port}/`);
    await assert.rejects(connecting, new RegExp(`not Audience Mock: status ${status}`));
    other.close();
  }
});

test("a world of a test starts as the options say, and is gone afterwards", async () => {
  let used;
  const options = { title: "Räte & limits (1)", settings: { build_delay_s: 0 }, seed: seeded("77"), frozen: "2026-07-01" };
  await withWorld(options, async (world, ...context) => {
    used = world;
    assert.match(world.name, /^R-te-limits-1-[0-9a-f]{12}$/);
    assert.deepEqual(context, ["given by the runner"]);
    assert.deepEqual(await ids(world), ["77"]);
    assert.equal((await create(world)).status, "READY");
    assert.deepEqual(await world.clock.get(), { now: "2026-07-01T00:00:00.000Z", unix: 1782864000, frozen: true });
  })("given by the runner");
  const { worlds } = await used.inWorld("default").control("GET", "/worlds");
  assert.equal(JSON.stringify(worlds).includes(used.name), false);
  assert.equal(withWorld(() => undefined).length, 0);
});

test("the conduct report judges the client", withWorld(async (world) => {
  await world.faults.add("audiences/create", { status: 500, first: 1 });
  const body = JSON.stringify(savers);
  for (const status of [500, 201]) {
    const response = await fetch(world.urls.pinterest + AUDIENCES, { method: "POST", headers, body });
    assert.equal(response.status, status);
  }
  const [finding, ...others] = await world.conduct();
  assert.deepEqual(others, []);
  assert.deepEqual([finding.rule, finding.severity, finding.requests], ["AM103", "error", [1, 2]]);
  assert.deepEqual(await world.conduct({ select: ["AM2", "AM3"], options: { poll_interval_s: 0.1 } }), []);
  assert.deepEqual(await world.conduct({ after: 1 }), []);
  await world.expectConduct({ ignore: "AM103" });
  await world.expectConduct({ failOn: ["AM101", "AM102"] });
  await assert.rejects(world.expectConduct({ failOn: "error" }), (error) => {
    assert.ok(error instanceof ConductError);
    assert.match(error.message, /AM103 error create-retried-blindly: request 2 .*\n      do: read the list/);
    return true;
  });
  await assert.rejects(world.conduct({ options: { poll_interval: 1 } }), ControlError);
}));

test("a contract diff says which calls another version answers otherwise", withWorld(async (world) => {
  await assert.rejects(world.contractDiff(), ControlError);
  await world.configure({ record: true, pinterest_contract: "5.23" });
  await fetch(`${world.urls.pinterest}/ad_accounts`, { headers });
  await create(world);
  const report = await world.contractDiff({ to: "5.28" });
  assert.deepEqual([report.from, report.calls, report.different], ["5.23", 2, [2]]);
  await assert.rejects(world.expectNoContractDiff(), (error) => {
    assert.ok(error instanceof ContractDiffError);
    assert.match(error.message, /^1 of 2 calls .*\n  audiences\/create\n    body \$\.is_nca: added: false\n      call 2: POST /);
    return true;
  });
  await world.expectNoContractDiff({ from: "5.18", to: "5.23" });
}));

// A job that looks for its audience and creates it. Its mistake: it repeats the POST without looking again.
const sync = (...mistakes) => async (world) => {
  const call = async (method, body) => {
    for (let attempt = 1; ; attempt += 1) {
      const signal = mistakes.includes("no time-out") ? null : AbortSignal.timeout(1500);
      try {
        if (attempt > 1 && method === "POST" && !mistakes.includes("blind") && (await call("GET")).items.length) return;
        const response = await fetch(world.urls.pinterest + AUDIENCES, { method, headers, body, signal });
        if (!response.ok) throw new Error(`status ${response.status}`);
        return await response.json();
      } catch (error) {
        if (attempt === 3 || mistakes.includes("no retry")) throw error;
      }
    }
  };
  if ((await call("GET")).items.length === 0) await call("POST", JSON.stringify(savers));
};

test("a sweep finds mistakes at their calls", withWorld(async (world) => {
  const kinds = ["answer-lost", "500"];
  const good = await world.sweep(sync(), { kinds });
  good.expectOk();
  assert.deepEqual(Object.keys(good.verdicts).sort(), ["1:500", "1:answer-lost", "2:500", "2:answer-lost"]);
  const blind = await world.sweep(sync("blind"), { kinds });
  assert.deepEqual(blind.findings.map(({ name, verdict }) => [name, verdict]), [["2:answer-lost", "duplicated"]]);
  assert.throws(() => blind.expectOk(), (error) => {
    assert.ok(error instanceof SweepFindingsError);
    assert.match(error.message, /^call {2}operation +answer-lost {2}500$/m);
    assert.match(error.message, /^2 +audiences\/create {2}duplicated +ok$/m);
    return true;
  });
  const hasty = await world.sweep(sync("no retry"), { kinds: ["500", "slow"], slowMs: 0, maxRuns: 3 });
  assert.deepEqual(hasty.verdicts, { "2:500": "failed", "2:slow": "passed", "1:500": "failed" });
  assert.deepEqual(hasty.notRun, ["1:slow"]);
  const patient = await world.sweep(sync("no time-out"), { kinds: ["stalled"], only: ["1:stalled"], limitMs: 1000 });
  assert.deepEqual(patient.verdicts, { "1:stalled": "hung" });
  assert.deepEqual(await ids(world), []);
  assert.deepEqual((await world.control("GET", `/worlds?match=${world.name}*`)).worlds, [world.name]);
}));

test("a job that cannot be swept is rejected", withWorld(async (world) => {
  await assert.rejects(world.sweep(() => undefined), /the job made no call/);
  await assert.rejects(world.sweep(() => Promise.reject(new Error("no account"))), SweepError);
  await assert.rejects(world.sweep(sync(), { only: ["9:500"] }), /no such case: 9:500/);
  await assert.rejects(world.sweep(sync(), { kinds: ["slw"] }), ControlError);
}));

test("the plan of a sweep has faults to plan", withWorld(async (world) => {
  await create(world);
  const { cases, total } = await world.sweepPlan({ kinds: ["500", "reset"], limit: 1 });
  assert.deepEqual([cases.map(({ name }) => name), total], [["1:reset"], 2]);
  const { operation, ...fault } = cases[0].fault;
  assert.equal(await world.faults.add(operation, fault), "fault-1");
  assert.equal((await world.sweepPlan({ after: 1 })).total, 0);
}));

test("an unused fault fails a test where that is asked for", async () => {
  const plan = (world) => world.faults.add("audiences/list", { status: 503 });
  await withWorld(plan)();
  await assert.rejects(withWorld({ unusedFaults: "error" }, plan)(), UnusedFaultsError);
});

test("the last requests of a world say what was rejected and why", withWorld(async (world) => {
  assert.match(await lastRequests(world), /received no request/);
  await world.faults.add("audiences/list", { status: 503 });
  await create(world);
  await fetch(world.urls.pinterest + AUDIENCES, { headers });
  const text = await lastRequests(world);
  assert.match(text, /^ +1 201 POST \/v5\/ad_accounts\/549755885175\/audiences \(audiences\/create\)$/m);
  assert.match(text, /^ +2 503 GET .+\n.+\n +fault: /m);
  await world.delete();
  assert.match(await lastRequests(world), /cannot be read/);
  assert.ok(world instanceof World);
}));
