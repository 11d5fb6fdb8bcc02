import { test as base } from "@playwright/test";
import { lastRequests } from "./last_requests.js";
import type { World } from "./world.js";
import { checkFaults, createWorld, removeWorld, type WorldOptions } from "./worlds.js";

export { expect } from "@playwright/test";

export interface Fixtures {
  /** A world for this test alone, deleted after it. */
  world: World;
  /** How worlds start: `test.use({ worldOptions: { frozen: true } })`. */
  worldOptions: WorldOptions;
}

/** Playwright's `test` with a world of its own; where a test fails, its last requests are attached. */
export const test = base.extend<Fixtures>({
  worldOptions: [{}, { option: true }],
  world: async ({ worldOptions }, use, testInfo) => {
    const world = await createWorld({ ...worldOptions, title: testInfo.title });
    try {
      await use(world);
      if (testInfo.status !== testInfo.expectedStatus) {
        await testInfo.attach("audience-mock requests", { body: await lastRequests(world), contentType: "text/plain" });
      } else await checkFaults(world, worldOptions);
    } finally {
      await removeWorld(world);
    }
  },
});
