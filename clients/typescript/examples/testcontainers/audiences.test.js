import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AudienceMockContainer } from "audience-mock/testcontainers";

const headers = { Authorization: "Bearer pina_test" };

let container;
before(async () => {
  container = await new AudienceMockContainer().withSettings({ build_delay_s: 0, seed: "demo" }).start();
});
after(() => container?.stop());

test("the list fails once", async () => {
  const { world } = container;
  await world.faults.add("audiences/list", { status: 503, first: 1 });
  const url = `${world.urls.pinterest}/ad_accounts/549755885175/audiences`;
  assert.equal((await fetch(url, { headers })).status, 503);
  assert.equal((await fetch(url, { headers })).status, 200);
  await world.verify("audiences/list", { count: 2 });
});
