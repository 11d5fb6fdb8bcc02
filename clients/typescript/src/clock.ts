import type { Advance, Advanced, Agenda, AgendaEvent, ClockState } from "./types.js";
import type { World } from "./world.js";

/** Unix seconds, ISO 8601 text, or a Date. */
export type Time = number | string | Date;
export type EventKind = AgendaEvent["kind"];

/** The time of a world, which decides every timestamp, status, token expiry and rate limit. */
export class Clock {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** What the clock shows: `now` (ISO 8601 in UTC), `unix` (seconds) and `frozen`. */
  get(): Promise<ClockState> {
    return this.#world.control("GET", "/clock");
  }

  /** Set the time. `frozen` stops the clock or lets it run; without it, that stays as it is. */
  set(now: Time, { frozen }: { frozen?: boolean } = {}): Promise<ClockState> {
    return this.#put(now, frozen);
  }

  /** Stop the clock, now or at a time. */
  freeze(at?: Time): Promise<ClockState> {
    return this.#put(at, true);
  }

  /** Let a stopped clock run, from the time that it shows. */
  run(): Promise<ClockState> {
    return this.#put(undefined, false);
  }

  /**
   * Move the time forward, by seconds as `advance(5)`, or to an event on the agenda as
   * `advance({ to: "next-event", kinds: ["audience"] })`. `fired` is the number of events in between.
   */
  advance(by: number | Advance): Promise<Advanced> {
    return this.#world.control("POST", "/clock/advance", typeof by === "number" ? { seconds: by } : by);
  }

  /** The next events, in the order of their times: all, or those of `kinds`; `limit` is 100 by default. */
  async agenda({ kinds, limit }: { kinds?: EventKind | readonly EventKind[]; limit?: number } = {}): Promise<
    readonly AgendaEvent[]
  > {
    const query = new URLSearchParams();
    if (kinds !== undefined) query.set("kinds", String(kinds));
    if (limit !== undefined) query.set("limit", String(limit));
    return (await this.#world.control<Agenda>("GET", `/clock/agenda?${query}`)).events;
  }

  #put(now: Time | undefined, frozen: boolean | undefined): Promise<ClockState> {
    // JSON has no `undefined`, so what is left out is not sent.
    return this.#world.control("PUT", "/clock", { now: now instanceof Date ? now.toISOString() : now, frozen });
  }
}
