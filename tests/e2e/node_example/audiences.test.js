import { describe } from "vitest";
import { test } from "./world.js";

const AD_ACCOUNT = "549755885175";

async function callPinterest(world, method, path, body) {
  const response = await fetch(`${world.pinterest}/ad_accounts/${AD_ACCOUNT}${path}`, {
    method,
    headers: { Authorization: "Bearer pina_test", "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
  });
  return response.json();
}

const savers = { name: "Savers", audience_type: "ENGAGEMENT", rule: { engagement_type: "save" } };

describe.concurrent("audiences", () => {
  for (const run of [1, 2, 3]) {
    test(`a test sees only the audience that it created (${run})`, async ({ world, expect }) => {
      const created = await callPinterest(world, "POST", "/audiences", savers);
      expect(created.status).toBe("READY");
      const page = await callPinterest(world, "GET", "/audiences");
      expect(page.items.map((audience) => audience.id)).toEqual([created.id]);
    });
  }

  test("restoring a snapshot removes what was created after it", async ({ world, expect }) => {
    await world.control("PUT", "/snapshots/before");
    await callPinterest(world, "POST", "/audiences", savers);
    await world.control("POST", "/snapshots/before/restore");
    expect((await callPinterest(world, "GET", "/audiences")).items).toEqual([]);
  });

  test("an error of the control API says what is wrong", async ({ world, expect }) => {
    await expect(world.control("POST", "/reset", { to: "start" })).rejects.toThrow(
      "to: must be one of 'seed', 'empty'",
    );
  });
});
