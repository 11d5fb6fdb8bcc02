import { readFile } from "node:fs/promises";
import { Clock } from "./clock.js";
import { ConductError, ContractDiffError, ControlError, VerificationError } from "./errors.js";
import { Faults } from "./faults.js";
import { call } from "./http.js";
import { Journal } from "./journal.js";
import { type FaultKind, type SweepJob, sweep, type SweepOptions, type SweepReport } from "./sweep.js";
import type { ConductFinding, ConductReport, ContractDiff, Expectation, Seed, SeedResult, State, SweepPlan, Verified, WorldSettings, WorldState } from "./types.js";

/** What the server calls the world that no path, header or token selects. */
const DEFAULT_WORLD = "default";
const CONTROL_PATH = "/__admin";
/** Milliseconds. Chosen: exporting the state of a hundred thousand audiences takes some seconds. */
const TIMEOUT_MS = 60_000;
/** The status of a check that was made and failed, unlike one that could not be made (400, 409). */
const VERIFICATION_FAILED = 417;

/** The base URLs of a world, one for each API. */
export interface Urls {
  readonly pinterest: string;
  readonly pitchtarget: string;
  readonly control: string;
}

export interface ConnectOptions {
  /** Name of the world; by default, the default world. */
  world?: string;
  /** Token of a server that has one. */
  adminToken?: string | undefined;
  /** Milliseconds that a call may wait for the server; 60,000 by default. */
  timeoutMs?: number;
}

/** What the conduct report is about. Rules are ids, beginnings of ids, names or severities. */
export interface ConductQuery {
  /** Rules to judge by; by default all. */
  select?: string | readonly string[];
  /** Rules to leave out. */
  ignore?: string | readonly string[];
  /** Findings that fail: `warning` (the default) for all, `error`, `never`, or rules. */
  failOn?: string | readonly string[];
  /** Thresholds by name, as `{ poll_interval_s: 0.1 }`. */
  options?: Readonly<Record<string, number>>;
  /** Judge requests to this API alone. */
  api?: string;
  /** Judge requests after this one: its number, or a time in ISO 8601. */
  after?: number | string;
  /** Judge requests before this one. */
  before?: number | string;
}

/** Which versions of an API are compared: names of versions, `newest` or `default`. */
export interface ContractDiffQuery {
  /** By default, the version that the world emulates. */
  from?: string;
  /** By default, the newest one. */
  to?: string;
  /** API of the versions; by default, the first that has both. */
  api?: string;
}

/** Which cases of a sweep are listed. */
export interface SweepQuery {
  /** Kinds of fault; by default all. */
  kinds?: readonly FaultKind[];
  /** Cases at most; 400 by default. */
  limit?: number;
  /** Calls after this request: its number, or a time in ISO 8601. */
  after?: number | string;
  /** Seconds that a slow answer is late; 2 by default. */
  slow_s?: number;
}

/**
 * A world of a running server: an isolated environment with its own data, ids, clock, faults, limits and
 * request journal. It is created from the server's seed when it is first named.
 *
 * Bodies and settings have the names of the control API, as `{ build_delay_s: 0 }`. Methods reject with
 * ControlError if the server rejects the call, and with ConnectionError if it does not answer.
 */
export class World {
  readonly name: string;
  /** Base URL of this world, without a slash at the end. */
  readonly url: string;
  /** The base URLs for clients of each API. */
  readonly urls: Urls;
  /** The time of this world. */
  readonly clock: Clock;
  /** The faults planned in this world. */
  readonly faults: Faults;
  /** The requests that this world received. */
  readonly journal: Journal;
  /** Token with which the control API is called, if any. */
  readonly adminToken: string | undefined;
  readonly #server: string;
  readonly #path: string;
  readonly #timeoutMs: number;

  constructor(url: string, { world = DEFAULT_WORLD, adminToken, timeoutMs = TIMEOUT_MS }: ConnectOptions = {}) {
    this.#server = url.replace(/\/+$/, "");
    this.#path = `/worlds/${encodeURIComponent(world)}`;
    this.#timeoutMs = timeoutMs;
    this.adminToken = adminToken;
    this.name = world;
    this.url = this.#server + (world === DEFAULT_WORLD ? "" : this.#path);
    this.urls = { pinterest: `${this.url}/v5`, pitchtarget: this.url, control: this.url + CONTROL_PATH };
    this.clock = new Clock(this);
    this.faults = new Faults(this);
    this.journal = new Journal(this);
  }

  /** Another world of the same server. */
  inWorld(name: string): World {
    return new World(this.#server, { world: name, adminToken: this.adminToken, timeoutMs: this.#timeoutMs });
  }

  /** Set settings of this world, as `configure({ build_delay_s: 0 })`; it keeps the others that it has. */
  configure(settings: WorldSettings): Promise<WorldState> {
    return this.control("PATCH", this.#path, { settings });
  }

  /** Give this world these settings and no others: those left out are the server's again. */
  replaceSettings(settings: WorldSettings): Promise<WorldState> {
    return this.control("PUT", this.#path, { settings });
  }

  /** Create a world with a copy of this one's data, ids, clock and settings. */
  async fork(name: string): Promise<World> {
    await this.control("POST", `${this.#path}/fork`, { name });
    return this.inWorld(name);
  }

  /** Delete this world and its snapshots; naming it again creates it anew. */
  async delete(): Promise<void> {
    // Through the default world: a path through this one would create it if it is gone already.
    await this.inWorld(DEFAULT_WORLD).control("DELETE", this.#path);
  }

  /** Go back to the server's seed, or to no data; settings and snapshots stay. */
  async reset(to: "seed" | "empty" = "seed"): Promise<void> {
    await this.control("POST", "/reset", { to });
  }

  /** Add what a seed holds: the seed itself, or the path of its file. */
  async seed(seed: Seed | string): Promise<SeedResult> {
    const body: unknown = typeof seed === "string" ? JSON.parse(await readFile(seed, "utf8")) : seed;
    return this.control("POST", "/seed", body);
  }

  /** Everything that the world holds, as a seed. */
  state(): Promise<State> {
    return this.control("GET", "/state");
  }

  /** Save the world's state under a name, in the place of an earlier one. */
  async snapshot(name: string): Promise<void> {
    await this.control("PUT", `/snapshots/${encodeURIComponent(name)}`);
  }

  /** Go back to the state of a snapshot. */
  async restore(name: string): Promise<void> {
    await this.control("POST", `/snapshots/${encodeURIComponent(name)}/restore`);
  }

  /**
   * Check which requests the world received, as `verify("audiences/create", { count: 1 })` or
   * `verify({ never: true })`. Without a count, at least one request is expected.
   *
   * Rejects with VerificationError if the check fails, and with ControlError if it cannot be made.
   */
  verify(operation: string, expected?: Omit<Expectation, "operation">): Promise<Verified>;
  verify(expected?: Expectation): Promise<Verified>;
  verify(operation: string | Expectation = {}, expected: Expectation = {}): Promise<Verified> {
    const body = typeof operation === "string" ? { ...expected, operation } : operation;
    return this.control("POST", "/verify", body);
  }

  /** What the requests in the journal say of the client: breaches of rules, errors first. */
  async conduct(query: ConductQuery = {}): Promise<readonly ConductFinding[]> {
    const { failOn, options = {}, ...rest } = query;
    const given = { ...rest, fail_on: failOn, options: Object.entries(options).map((each) => each.join("=")) };
    return (await this.control<ConductReport>("GET", `/conduct?${queryOf(given)}`)).findings;
  }

  /** Reject with ConductError if a finding fails: `expectConduct({ failOn: "error" })`. */
  async expectConduct(query: ConductQuery = {}): Promise<void> {
    const failing = (await this.conduct(query)).filter((finding) => finding.fails);
    if (failing.length > 0) throw new ConductError(failing);
  }

  /**
   * Which of this world's calls another version of an API answers otherwise, field by field. The world has to
   * be recorded (`record`), and stays as it is.
   */
  contractDiff(query: ContractDiffQuery = {}): Promise<ContractDiff> {
    return this.control("GET", `/contract-diff?${queryOf({ ...query })}`);
  }

  /** Reject with ContractDiffError if a call is answered otherwise, or not all could be compared. */
  async expectNoContractDiff(query: ContractDiffQuery = {}): Promise<void> {
    const report = await this.contractDiff(query);
    if (report.different.length > 0 || report.stopped !== null) throw new ContractDiffError(report);
  }

  /**
   * Run a job once for each call that it makes and each kind of fault, each time in a new fork of this world:
   * `(await world.sweep((world) => sync(world.urls.pinterest))).expectOk()`. A job fails if it rejects, and has
   * hung after its limit; its world is then deleted, which breaks its connections.
   *
   * Rejects with SweepError if the job fails without a fault or makes no call.
   */
  sweep(job: SweepJob, options?: SweepOptions): Promise<SweepReport> {
    return sweep(this, job, options);
  }

  /** The faults that the calls in the journal may meet, each with what `faults.add` takes. */
  sweepPlan(query: SweepQuery = {}): Promise<SweepPlan> {
    return this.control("GET", `/sweep?${queryOf({ ...query })}`);
  }

  /** Call the control API, as `control("GET", "/uploads")`. Resolves to the JSON of the response, if any. */
  async control<T = unknown>(method: string, path: string, body?: unknown): Promise<T> {
    const { status, text } = await call(method, this.urls.control + path, {
      body,
      token: this.adminToken,
      timeoutMs: this.#timeoutMs,
    });
    const answer = parse(status, text);
    if (status === VERIFICATION_FAILED) throw new VerificationError(answer);
    if (status >= 400) throw new ControlError(status, answer);
    return answer;
  }
}

/**
 * A world of a server that is already running. Rejects with ConnectionError if no server answers, and with
 * ControlError if it is not Audience Mock or rejects the token.
 */
export async function connect(url: string, options?: ConnectOptions): Promise<World> {
  const world = new World(url, options);
  await world.control("GET", "/worlds");
  return world;
}

function queryOf(given: Readonly<Record<string, unknown>>): URLSearchParams {
  const text = new URLSearchParams();
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined && String(value) !== "") text.set(name, String(value));
  }
  return text;
}

function parse(status: number, text: string): any {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new ControlError(status, { error: `the server there is not Audience Mock: status ${status}` });
  }
}
