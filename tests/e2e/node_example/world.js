// A `test` whose `world` fixture is a world of its own, so that tests can run concurrently:
// test("…", async ({ world }) => { … })
import { randomUUID } from "node:crypto";
import { test as base, inject } from "vitest";

export const test = base.extend({
  world: async ({}, use) => {
    const server = inject("audienceMockUrl");
    const name = randomUUID();
    const url = `${server}/worlds/${name}`;
    // Calls the control API; throws its error message.
    const control = async (method, path, body) => {
      const response = await fetch(`${url}/__admin${path}`, {
        method,
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      if (!response.ok) throw new Error((await response.json()).error);
      return response.status === 204 ? null : response.json();
    };
    await use({ pinterest: `${url}/v5`, pitchtarget: url, control });
    await fetch(`${server}/__admin/worlds/${name}`, { method: "DELETE" });
  },
});
