import { UnusedFaultsError } from "./errors.js";
import type { FaultIds, FaultList, FaultState, PlannedFault } from "./types.js";
import type { World } from "./world.js";

/** Faults planned in a world: calls that are to fail, be slow or be cut off. */
export class Faults {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /**
   * Plan a fault, as `add("audiences/create", { status: 503, first: 1 })`; resolves to its id. `operation` is
   * the id of an operation, or "*" for all.
   */
  async add(operation: string, fault: Omit<PlannedFault, "operation">): Promise<string> {
    const { ids } = await this.#world.control<FaultIds>("POST", "/faults", { ...fault, operation });
    return ids[0] as string;
  }

  /** All planned faults, in the order of planning, with what became of them. */
  async list(): Promise<readonly FaultState[]> {
    return (await this.#fetch()).faults;
  }

  /** The planned faults that never fired, or not as often as planned. */
  async unused(): Promise<readonly FaultState[]> {
    const { faults, unused } = await this.#fetch();
    return faults.filter((fault) => unused.includes(fault.id));
  }

  /** Reject with UnusedFaultsError if a fault is unused. */
  async expectUsed(): Promise<void> {
    const unused = await this.unused();
    if (unused.length === 0) return;
    const ids = unused.map((fault) => fault.id).join(", ");
    const faults = unused.map((fault) => JSON.stringify(fault));
    throw new UnusedFaultsError(
      [`never fired, or not as often as planned: ${ids}`, ...faults].join("\n  "),
    );
  }

  /** Remove a fault by its id. */
  async remove(fault: string): Promise<void> {
    await this.#world.control("DELETE", `/faults/${encodeURIComponent(fault)}`);
  }

  /** Remove all faults. */
  async clear(): Promise<void> {
    await this.#world.control("DELETE", "/faults");
  }

  #fetch(): Promise<FaultList> {
    return this.#world.control("GET", "/faults");
  }
}
