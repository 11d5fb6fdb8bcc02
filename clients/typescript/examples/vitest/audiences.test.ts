import type { World } from "audience-mock";
import { test } from "audience-mock/vitest";
import { describe } from "vitest";

const AUDIENCES = "/ad_accounts/549755885175/audiences";
const savers = { name: "Savers", audience_type: "ENGAGEMENT", rule: { engagement_type: "save" } };
const headers = { Authorization: "Bearer pina_test", "Content-Type": "application/json" };
const list = (world: World) => fetch(world.urls.pinterest + AUDIENCES, { headers });

describe.concurrent("audiences", () => {
  test("an audience becomes ready", async ({ world, expect }) => {
    const url = world.urls.pinterest + AUDIENCES;
    const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(savers) });
    const created = await response.json();
    expect(created.status).toBe("INITIALIZING");
    await world.clock.advance({ to: "next-event", kinds: ["audience"] });
    const read = await (await fetch(`${url}/${created.id}`, { headers })).json();
    expect(read.status).toBe("READY");
  });

  test("the list fails once", async ({ world, expect }) => {
    await world.faults.add("audiences/list", { status: 503, first: 1 });
    expect((await list(world)).status).toBe(503);
    expect((await list(world)).status).toBe(200);
    await world.verify("audiences/list", { count: 2 });
  });

  const testAtOnce = test.extend({ worldOptions: { settings: { build_delay_s: 0 }, frozen: "2026-07-01" } });
  testAtOnce("restoring a snapshot removes what was created after it", async ({ world, expect }) => {
    const url = world.urls.pinterest + AUDIENCES;
    await world.snapshot("before");
    const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(savers) });
    expect((await response.json()).status).toBe("READY");
    await world.restore("before");
    expect((await (await list(world)).json()).items).toEqual([]);
  });
});
