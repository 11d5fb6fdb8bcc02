import assert from "node:assert/strict";
import { test } from "node:test";
import { withWorld } from "audience-mock";

const AUDIENCES = "/ad_accounts/549755885175/audiences";
const savers = { name: "Savers", audience_type: "ENGAGEMENT", rule: { engagement_type: "save" } };
const headers = { Authorization: "Bearer pina_test", "Content-Type": "application/json" };
const list = (world) => fetch(world.urls.pinterest + AUDIENCES, { headers });

test("an audience becomes ready", withWorld(async (world) => {
  const url = world.urls.pinterest + AUDIENCES;
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(savers) });
  const { id } = await response.json();
  await world.clock.advance({ to: "next-event", kinds: ["audience"] });
  const read = await (await fetch(`${url}/${id}`, { headers })).json();
  assert.equal(read.status, "READY");
}));

test("the list fails once", withWorld(async (world) => {
  await world.faults.add("audiences/list", { status: 503, first: 1 });
  assert.equal((await list(world)).status, 503);
  assert.equal((await list(world)).status, 200);
  await world.verify("audiences/list", { count: 2 });
}));
