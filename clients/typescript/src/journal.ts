import type { JournalEntry, JournalPage, JournalSearch } from "./types.js";
import type { World } from "./world.js";

/** The requests that a world received, and what it responded. */
export class Journal {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** The requests that meet all criteria, oldest first, as `entries({ operation: "audiences/create" })`. */
  async entries(criteria: JournalSearch = {}): Promise<readonly JournalEntry[]> {
    return (await this.#world.control<JournalPage>("POST", "/journal/search", criteria)).entries;
  }

  /** Remove all entries. */
  async clear(): Promise<void> {
    await this.#world.control("DELETE", "/journal");
  }
}
