import { type TestAPI, test as base } from "vitest";
import { lastRequests, type World, type WorldOptions } from "./index.mjs";
import { checkFaults, createWorld, removeWorld } from "./worlds.js";

export interface Fixtures {
  /** A world for this test alone, deleted after it. */
  world: World;
  /** How worlds start: `test.extend({ worldOptions: { frozen: true } })`. */
  worldOptions: WorldOptions;
}

/** vitest's `test` with a world of its own: `test("…", async ({ world }) => { … })`. */
export const test: TestAPI<Fixtures> = base.extend<Fixtures>({
  worldOptions: {},
  world: async ({ worldOptions, task, onTestFailed }, use) => {
    const world = await createWorld({ ...worldOptions, title: task.name });
    let requests = "";
    onTestFailed(() => console.error(requests));
    await use(world);
    requests = await lastRequests(world);
    try {
      await checkFaults(world, worldOptions);
    } finally {
      await removeWorld(world);
    }
  },
});
