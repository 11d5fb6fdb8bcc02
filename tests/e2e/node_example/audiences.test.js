import { describe } from "vitest";
import { test } from "./world.js";

const AD_ACCOUNT = "549755885175";

async function pinterest(world, method, path, body) {
  const answer = await fetch(`${world.pinterest}/ad_accounts/${AD_ACCOUNT}${path}`, {
    method,
    headers: { Authorization: "Bearer pina_test", "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
  });
  return answer.json();
}

const savers = { name: "Savers", audience_type: "ENGAGEMENT", rule: { engagement_type: "save" } };

describe.concurrent("audiences", () => {
  for (const round of [1, 2, 3]) {
    test(`an audience is the only one of its world (${round})`, async ({ world, expect }) => {
      const made = await pinterest(world, "POST", "/audiences", savers);
      expect(made.status).toBe("READY");
      const listed = await pinterest(world, "GET", "/audiences");
      expect(listed.items.map((audience) => audience.id)).toEqual([made.id]);
    });
  }

  test("a world goes back to what it was", async ({ world, expect }) => {
    await world.control("PUT", "/snapshots/before");
    await pinterest(world, "POST", "/audiences", savers);
    await world.control("POST", "/snapshots/before/restore");
    expect((await pinterest(world, "GET", "/audiences")).items).toEqual([]);
  });

  test("a refusal of the control plane says why", async ({ world, expect }) => {
    await expect(world.control("POST", "/reset", { to: "start" })).rejects.toThrow("must be one of 'seed', 'empty'");
  });
});
