import { expect, test } from "audience-mock/playwright";

const AUDIENCES = "/ad_accounts/549755885175/audiences";
const savers = { name: "Savers", audience_type: "ENGAGEMENT", rule: { engagement_type: "save" } };
const headers = { Authorization: "Bearer pina_test" };

test("an audience becomes ready", async ({ request, world }) => {
  const url = world.urls.pinterest + AUDIENCES;
  const created = await (await request.post(url, { headers, data: savers })).json();
  expect(created.status).toBe("INITIALIZING");
  await world.clock.advance({ to: "next-event", kinds: ["audience"] });
  const read = await (await request.get(`${url}/${created.id}`, { headers })).json();
  expect(read.status).toBe("READY");
});

test.describe("with audiences that are ready at once", () => {
  test.use({ worldOptions: { settings: { build_delay_s: 0 }, unusedFaults: "error" } });

  test("the list fails once", async ({ request, world }) => {
    await world.faults.add("audiences/list", { status: 503, first: 1 });
    const url = world.urls.pinterest + AUDIENCES;
    expect((await request.get(url, { headers })).status()).toBe(503);
    expect((await (await request.post(url, { headers, data: savers })).json()).status).toBe("READY");
    expect((await (await request.get(url, { headers })).json()).items).toHaveLength(1);
    await world.verify("audiences/list", { count: 2 });
  });
});
