// A world of its own for each test, so that tests run side by side: `test("…", async ({ world }) => …)`.
import { randomUUID } from "node:crypto";
import { test as base, inject } from "vitest";

export const test = base.extend({
  world: async ({}, use) => {
    const server = inject("audienceMockUrl");
    const name = randomUUID();
    const url = `${server}/worlds/${name}`;
    const control = async (method, path, body) => {
      const answer = await fetch(`${url}/__admin${path}`, {
        method,
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      if (!answer.ok) throw new Error((await answer.json()).error);
      return answer.status === 204 ? null : answer.json();
    };
    await use({ pinterest: `${url}/v5`, pitchtarget: url, control });
    await fetch(`${server}/__admin/worlds/${name}`, { method: "DELETE" });
  },
});
