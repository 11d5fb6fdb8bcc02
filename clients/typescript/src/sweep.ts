import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { ControlError, SweepError, SweepFindingsError } from "./errors.js";
import type { SectionDiff, SweepCall, SweepCase, SweepPlan } from "./types.js";
import type { World } from "./world.js";

export const FAULT_KINDS = ["answer-lost", "reset", "500", "429", "stalled", "truncated", "stale-token", "slow"] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];
export type Verdict = "passed" | "failed" | "hung" | "duplicated" | "lost" | "changed" | "not reached";

const FINDINGS: readonly Verdict[] = ["failed", "hung", "duplicated", "lost", "changed"];
/** What the command has: a run may take so many milliseconds at least, and so many times a run without a fault. */
const MIN_LIMIT_MS = 30_000;
const LIMIT_FACTOR = 10;
const MAX_RUNS = 400;
/** Milliseconds for calls that are still being answered when a run has ended, beyond the slowest fault. */
const SETTLE_MS = 5_000;
const POLL_MS = 20;
/** Milliseconds that jobs have to end after their worlds are gone. */
const GRACE_MS = 5_000;
const JOURNAL = { journal_entries: 10_000, journal_bytes: 2 ** 28 };
const MAX_NAME = 100;

export interface SweepOptions {
  /** Kinds of fault to try; by default all. */
  kinds?: readonly FaultKind[];
  /** Cases to try, as `2:answer-lost`; by default all. */
  only?: readonly string[];
  /** Runs at most; 400 by default. */
  maxRuns?: number;
  /** Milliseconds after which no run begins. */
  maxTimeMs?: number;
  /** Milliseconds that a slow answer is late; 2,000 by default. */
  slowMs?: number;
  /** Milliseconds after which a run has hung; by default ten times a run without a fault, and at least 30 s. */
  limitMs?: number;
  /** Verdicts that fail the sweep; by default all but `passed` and `not reached`. */
  failOn?: readonly Verdict[];
}

/** A run with a fault. */
export interface SweepResult extends SweepCase {
  verdict: Verdict;
  /** What the job rejected with. */
  error?: unknown;
  /** What the world holds otherwise than without a fault, by section. */
  differences: Readonly<Record<string, SectionDiff>>;
}

/** What a sweep found; as a string, a matrix with a row for each call and a column for each kind of fault. */
export class SweepReport {
  readonly results: SweepResult[] = [];
  readonly warnings: string[] = [];
  /** Names of cases that the budget did not allow. */
  notRun: readonly string[] = [];

  constructor(
    readonly calls: readonly SweepCall[],
    readonly planned: readonly SweepCase[],
    readonly failOn: readonly Verdict[],
  ) {}

  /** The runs that fail the sweep. */
  get findings(): readonly SweepResult[] {
    return this.results.filter(({ verdict }) => this.failOn.includes(verdict));
  }

  get ok(): boolean {
    return this.findings.length === 0;
  }

  /** The verdict of each run, as `{ "2:answer-lost": "duplicated" }`. */
  get verdicts(): Readonly<Record<string, Verdict>> {
    return Object.fromEntries(this.results.map(({ name, verdict }) => [name, verdict]));
  }

  /** Throw SweepFindingsError, whose message has the matrix, if a run fails the sweep. */
  expectOk(): void {
    if (!this.ok) throw new SweepFindingsError(`the fault sweep has findings:\n${this}`);
  }

  toString(): string {
    const kinds = FAULT_KINDS.filter((kind) => this.planned.some((one) => one.kind === kind));
    const cell = (call: SweepCall, kind: string): string => {
      const name = `${call.call}:${kind}`;
      if (!this.planned.some((one) => one.name === name)) return "-";
      const verdict = this.verdicts[name];
      return verdict === "passed" ? "ok" : verdict === "not reached" ? "?" : (verdict ?? "");
    };
    const rows = [
      ["call", "operation", ...kinds],
      ...this.calls.map((call) => [String(call.call), call.operation, ...kinds.map((kind) => cell(call, kind))]),
    ];
    const widths = (rows[0] as string[]).map((_, at) => Math.max(...rows.map((row) => (row[at] as string).length)));
    return [
      ...this.warnings.map((warning) => `warning: ${warning}`),
      ...rows.map((row) => row.map((text, at) => text.padEnd(widths[at] as number)).join("  ").trimEnd()),
      ...this.findings.map(({ verdict, call, operation, kind, effect, name, error }) =>
        [
          `\n${verdict}: call ${call}, ${operation}, ${kind} (${effect})`,
          ...(error === undefined ? [] : [`  ${error}`]),
          `  again: only: ["${name}"]`,
        ].join("\n"),
      ),
    ].join("\n");
  }
}

export type SweepJob = (world: World) => unknown;

/** As `World.sweep`. */
export async function sweep(base: World, job: SweepJob, options: SweepOptions = {}): Promise<SweepReport> {
  const started = performance.now();
  const { kinds = FAULT_KINDS, only, maxRuns = MAX_RUNS, maxTimeMs = Infinity, slowMs = 2000, failOn = FINDINGS } = options;
  const worlds = new RunWorlds(base);
  const hung: Promise<unknown>[] = [];
  let report: SweepReport | undefined;
  const run = (world: World, limitMs: number | undefined): Promise<Ended> => runJob(job, world, limitMs, hung);
  try {
    const faultless = await worlds.create(0);
    const first = await run(faultless, options.limitMs);
    if (first.hung) throw new SweepError(`the job does not end within ${options.limitMs} ms without a fault`);
    if ("error" in first) throw new SweepError(`the job fails without a fault: ${first.error}`, { cause: first.error });
    const plan = await faultless.control<SweepPlan>("GET", `/sweep?kinds=${kinds}&slow_s=${slowMs / 1000}&limit=10000`);
    if (plan.calls.length === 0) throw new SweepError("the job made no call: it has to call the world that it is given");
    if (plan.dropped > 0) throw new SweepError("more calls were made than a journal holds");
    const unknown = only?.filter((name) => !plan.cases.some((one) => one.name === name)) ?? [];
    if (unknown.length > 0) throw new SweepError(`the job has no such case: ${unknown.join(", ")}`);
    const planned = plan.cases.filter(({ name }) => only === undefined || only.includes(name));
    report = new SweepReport(plan.calls, planned, failOn);
    const limitMs = options.limitMs ?? Math.max(MIN_LIMIT_MS, LIMIT_FACTOR * first.ms);

    const again = await worlds.create(1);
    const second = await run(again, limitMs);
    if (second.hung || "error" in second) report.warnings.push("a second run without a fault failed");
    const comparable = Object.keys(await worlds.differences(faultless, again)).length === 0;
    if (!comparable) report.warnings.push("two runs without a fault leave different data, so data is not compared");
    await again.delete();

    for (const [at, one] of planned.entries()) {
      if (at >= maxRuns || performance.now() - started >= maxTimeMs) break;
      const world = await worlds.create(at + 2);
      const { operation, ...fault } = one.fault;
      await world.faults.add(operation, fault);
      const ended = await run(world, limitMs);
      const fired = ended.hung || (await hasFired(world, slowMs + SETTLE_MS));
      const differences = comparable ? await worlds.differences(faultless, world) : {};
      const error = "error" in ended ? { error: ended.error } : {};
      report.results.push({ ...one, ...error, differences, verdict: verdictOf(ended, fired, differences) });
      // This breaks the connections of a job that hangs.
      await world.delete();
    }
    report.notRun = planned.slice(report.results.length).map(({ name }) => name);
    return report;
  } finally {
    await worlds.delete();
    if (hung.length > 0) {
      // A call that comes after the deletion makes its world again.
      if (!(await inTime(Promise.all(hung), GRACE_MS))) {
        report?.warnings.push("a run did not end after the limit, and may still go on");
      }
      await worlds.delete();
    }
  }
}

/** The worlds of the runs, below the one that is swept. */
class RunWorlds {
  readonly #base: World;
  readonly #prefix: string;

  constructor(base: World) {
    const suffix = `sweep-${randomUUID().slice(-6)}-`;
    const kept = base.name.slice(0, MAX_NAME - suffix.length - 6).replace(/[-._]+$/, "");
    this.#base = base;
    this.#prefix = base.name === "default" ? suffix : `${kept}.${suffix}`;
  }

  async create(number: number): Promise<World> {
    const world = await this.#base.fork(this.#prefix + number);
    await world.configure(JOURNAL);
    return world;
  }

  differences(faultless: World, other: World): Promise<Record<string, SectionDiff>> {
    return this.#base.control("GET", `/worlds/${faultless.name}/diff/${other.name}?by=content`);
  }

  async delete(): Promise<void> {
    await this.#base.control("DELETE", `/worlds?match=${this.#prefix}*`).catch((error: unknown) => {
      if (!(error instanceof ControlError)) throw error;
    });
  }
}

interface Ended {
  ms: number;
  hung: boolean;
  error?: unknown;
}

/** Run the job until it ends or its time is over: a promise cannot be ended, but its connections can. */
async function runJob(
  job: SweepJob,
  world: World,
  limitMs: number | undefined,
  hung: Promise<unknown>[],
): Promise<Ended> {
  const started = performance.now();
  const running = (async () => job(world))().then(
    () => ({}),
    (error: unknown) => ({ error }),
  );
  const ended = await inTime(running, limitMs);
  if (ended === undefined) hung.push(running);
  return { ...ended, hung: ended === undefined, ms: performance.now() - started };
}

/** What a promise resolves to, or undefined where its time is over before. */
async function inTime<T>(promise: Promise<T>, limitMs: number | undefined): Promise<T | undefined> {
  if (limitMs === undefined) return promise;
  const settled = new AbortController();
  const limit = wait(limitMs, undefined, { signal: settled.signal }).catch(() => undefined);
  try {
    return await Promise.race([promise, limit]);
  } finally {
    settled.abort();
  }
}

/** Whether the fault met a call, once all that met it are answered: a client that gave up may have left one. */
async function hasFired(world: World, waitMs: number): Promise<boolean> {
  const deadline = performance.now() + waitMs;
  for (;;) {
    const met = (await world.faults.list()).reduce((sum, fault) => sum + fault.fired, 0);
    const answered = (await world.journal.entries({ limit: 10_000 })).filter(({ fault }) => fault !== null).length;
    if (answered >= met || performance.now() > deadline) return answered > 0;
    await wait(POLL_MS);
  }
}

/** The worst first, as the command judges. */
function verdictOf(ended: Ended, fired: boolean, differences: Readonly<Record<string, SectionDiff>>): Verdict {
  const kinds = new Set(Object.values(differences).flatMap(({ counts }) => Object.keys(counts)));
  if (ended.hung) return "hung";
  if (!fired) return "not reached";
  if (kinds.has("duplicated")) return "duplicated";
  if ("error" in ended) return "failed";
  if (kinds.has("lost")) return "lost";
  return kinds.size > 0 ? "changed" : "passed";
}
