import { randomUUID } from "node:crypto";
import type { Time } from "./clock.js";
import { ControlError } from "./errors.js";
import { lastRequests } from "./last_requests.js";
import type { Seed, WorldSettings } from "./types.js";
import { World } from "./world.js";

/** Characters of a title in the name of its world; a name has 100 at most. */
const MAX_TITLE = 80;

/** How the world of a test starts. */
export interface WorldOptions {
  /** Settings of the world; those left out are the server's. */
  settings?: WorldSettings;
  /** What the world holds, in place of the server's seed: a seed, or the path of its file. */
  seed?: Seed | string;
  /** Whether the clock stands still: `true` now, or at a time. */
  frozen?: boolean | Time;
  /** Whether faults that did not fire fail the test that passed otherwise; "ignore" by default. */
  unusedFaults?: "error" | "ignore";
}

export interface CreateWorldOptions extends WorldOptions {
  /** Words for the name of the world, such as the title of the test. */
  title?: string;
  /** The server; by default, the one of AUDIENCE_MOCK_URL, which the global set-up sets. */
  server?: World;
}

/** A new world of its own, to be deleted after the test or file that uses it. */
export async function createWorld(options: CreateWorldOptions = {}): Promise<World> {
  const { title = "test", server = runningServer(), settings = {}, seed, frozen = false } = options;
  const words = title.replace(/[^A-Za-z0-9_.-]+/g, "-").slice(-MAX_TITLE).replace(/^[-._]+|[-._]+$/g, "");
  const world = server.inWorld(`${words || "test"}-${randomUUID().slice(-12)}`);
  await world.replaceSettings(settings);
  if (seed !== undefined) {
    await world.reset("empty");
    await world.seed(seed);
  }
  if (frozen !== false) await world.clock.freeze(frozen === true ? undefined : frozen);
  return world;
}

/**
 * Wraps the function of a test, of any runner: it gets a world of its own first, which is deleted afterwards.
 *
 *     test("creates an audience", withWorld(async (world) => { … }));
 *     test("retries", withWorld({ frozen: true }, async (world) => { … }));
 *
 * Where the test fails, the last requests of its world are written to standard error.
 */
export function withWorld(run: Run): Wrapped;
export function withWorld(options: CreateWorldOptions, run: Run): Wrapped;
export function withWorld(first: CreateWorldOptions | Run, second?: Run): Wrapped {
  const [options, run] = typeof first === "function" ? [{}, first] : [first, second as Run];
  // No parameters of its own: runners take a function with some for one that calls back.
  return async (...context) => {
    const world = await createWorld(options);
    try {
      await run(world, ...context);
      await checkFaults(world, options);
    } catch (error) {
      console.error(await lastRequests(world));
      throw error;
    } finally {
      await removeWorld(world);
    }
  };
}

export type Run = (world: World, ...context: any[]) => unknown;
export type Wrapped = (...context: any[]) => Promise<void>;

/** Reject with UnusedFaultsError where the options say that unused faults are an error. */
export async function checkFaults(world: World, { unusedFaults = "ignore" }: WorldOptions): Promise<void> {
  if (unusedFaults === "error") await world.faults.expectUsed();
}

/** Delete a world that the test may have deleted already. */
export async function removeWorld(world: World): Promise<void> {
  await world.delete().catch((error: unknown) => {
    if (!(error instanceof ControlError)) throw error;
  });
}

function runningServer(): World {
  const url = process.env["AUDIENCE_MOCK_URL"];
  if (!url) {
    throw new Error("AUDIENCE_MOCK_URL is not set: use the global set-up audience-mock/setup, or pass `server`");
  }
  return new World(url, { adminToken: process.env["AUDIENCE_MOCK_ADMIN_TOKEN"] });
}
