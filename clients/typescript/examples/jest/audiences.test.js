const { createWorld, withWorld } = require("audience-mock");

const AUDIENCES = "/ad_accounts/549755885175/audiences";
const savers = { name: "Savers", audience_type: "ENGAGEMENT", rule: { engagement_type: "save" } };
const headers = { Authorization: "Bearer pina_test", "Content-Type": "application/json" };
const list = (world) => fetch(world.urls.pinterest + AUDIENCES, { headers });

describe("a world for each test", () => {
  test("an audience becomes ready", withWorld(async (world) => {
    const url = world.urls.pinterest + AUDIENCES;
    const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(savers) });
    const { id } = await response.json();
    await world.clock.advance({ to: "next-event", kinds: ["audience"] });
    const read = await (await fetch(`${url}/${id}`, { headers })).json();
    expect(read.status).toBe("READY");
  }));

  test("the list fails once", withWorld({ unusedFaults: "error" }, async (world) => {
    await world.faults.add("audiences/list", { status: 503, first: 1 });
    expect((await list(world)).status).toBe(503);
    expect((await list(world)).status).toBe(200);
    await world.verify("audiences/list", { count: 2 });
  }));
});

describe("a world for the file", () => {
  let world;
  beforeAll(async () => {
    world = await createWorld({ title: "sharing" });
  });
  afterAll(() => world.delete());

  test("starts without audiences", async () => {
    expect((await (await list(world)).json()).items).toEqual([]);
  });
});
