import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { StartError } from "./errors.js";
import { type Command, dockerRun, type FindOptions, findCommand } from "./find.js";
import { newToken, PREFIX, SEED_IN_CONTAINER, seedFile, type StartSettings, variablesOf } from "./settings.js";
import { connect, World } from "./world.js";

const START_TIMEOUT_MS = 30_000;

export type { StartSettings } from "./settings.js";

export interface StartOptions extends FindOptions {
  /**
   * Settings of the server, as `{ build_delay_s: 0, seed: "demo" }`. A server that is running already keeps
   * its own.
   */
  settings?: StartSettings;
  /** Milliseconds that a start may take, without the installation; 30,000 by default. */
  timeoutMs?: number;
}

/** A running server, as the World of its default world. */
export class AudienceMock extends World {
  /** Stop the server, and wait for its end. One that was running before stays. */
  readonly stop: () => Promise<void>;

  /** `startAudienceMock` makes it. */
  constructor(url: string, adminToken: string | undefined, stop: () => Promise<void>) {
    super(url, { adminToken });
    this.stop = stop;
  }
}

/**
 * The server that AUDIENCE_MOCK_URL names, or a new one on a free port with a database in memory. The new one
 * ends with `stop()` or with this process, and keeps neither from ending.
 *
 * It is the first that works of: `audience-mock` on the PATH, `.venv` of this folder or one above, `uvx`,
 * `pipx`, Docker. Rejects with StartError, which says what was tried or what the server said.
 */
export async function startAudienceMock(options: StartOptions = {}): Promise<AudienceMock> {
  const running = process.env["AUDIENCE_MOCK_URL"];
  if (running) {
    const { url, adminToken } = await connect(running, { adminToken: process.env["AUDIENCE_MOCK_ADMIN_TOKEN"] });
    return new AudienceMock(url, adminToken, async () => undefined);
  }
  const command = await findCommand(options);
  const settings = { ...options.settings };
  // The server in a container sees its callers at the address of Docker's network, for which it asks a token.
  if (command.image !== null) settings.admin_token ??= process.env["AUDIENCE_MOCK_ADMIN_TOKEN"] ?? newToken();
  const variables = environment(settings);
  const guard = runGuarded(command, variables, seedFile(settings));
  const url = await urlOf(guard, options.timeoutMs ?? START_TIMEOUT_MS);
  return new AudienceMock(url, variables["AUDIENCE_MOCK_ADMIN_TOKEN"], () => stop(guard));
}

/** End the guard, which ends the server first. */
async function stop(guard: ChildProcess): Promise<void> {
  if (guard.exitCode !== null || guard.signalCode !== null) return;
  guard.ref();
  const exited = once(guard, "exit");
  guard.stdin?.destroy();
  await exited;
}

/** The environment of the server: every setting has a variable, and no other user of the machine sees it. */
function environment(settings: StartSettings): NodeJS.ProcessEnv {
  const variables: NodeJS.ProcessEnv = { ...process.env };
  // A second Node.js would load what the first was told to, and start another server.
  for (const name of ["NODE_OPTIONS", `${PREFIX}PUBLIC_URL`, `${PREFIX}READY_FILE`, `${PREFIX}ADMIN_TOKEN_FILE`]) {
    delete variables[name];
  }
  const own = { host: "127.0.0.1", port: 0, database: "sqlite://", admin: true };
  return { ...variables, ...variablesOf({ ...own, ...settings }) };
}

function runGuarded(command: Command, variables: NodeJS.ProcessEnv, seed: string | undefined): ChildProcess {
  let container = "";
  let args = [...command.args];
  if (command.image !== null) {
    container = `audience-mock-${randomUUID()}`;
    if (seed !== undefined) variables["AUDIENCE_MOCK_SEED"] = SEED_IN_CONTAINER;
    const outside = new Set([`${PREFIX}HOST`, `${PREFIX}PORT`]);
    const names = Object.keys(variables).filter((name) => name.startsWith(PREFIX) && !outside.has(name));
    args = [...dockerRun(container, names, seed), command.image, ...args];
  }
  return spawn(process.execPath, [join(__dirname, "guard.js"), container, command.file, ...args], {
    env: variables,
    stdio: ["pipe", "pipe", "inherit"],
    detached: process.platform !== "win32",
    windowsHide: true,
  });
}

/** The URL that the guard tells. From then on the guard does not keep this process from ending. */
async function urlOf(guard: ChildProcess, timeoutMs: number): Promise<string> {
  const { stdin, stdout } = guard;
  if (stdin === null || stdout === null) throw new StartError("no pipes to a child process");
  let limit: NodeJS.Timeout | undefined;
  const lines = createInterface({ input: stdout });
  const told = await Promise.race([
    once(lines, "line").then(([line]) => JSON.parse(line as string) as { url?: string; error?: string }),
    // Not "exit", which may come before the line.
    once(guard, "close").then(([status]) => ({ error: `the guard of audience-mock ended with ${status}` })),
    new Promise<{ error: string }>((resolve) => {
      limit = setTimeout(() => resolve({ error: `Audience Mock did not start within ${timeoutMs} ms` }), timeoutMs);
    }),
  ]);
  clearTimeout(limit);
  lines.close();
  stdout.destroy();
  if (!("url" in told) || told.url === undefined) {
    stdin.destroy();
    throw new StartError(told.error);
  }
  guard.unref();
  (stdin as unknown as { unref(): void }).unref();
  return told.url;
}
