import { randomBytes } from "node:crypto";
import type { ServerSettings } from "./types.js";

export const PREFIX = "AUDIENCE_MOCK_";
/** The image that the repository's `docker build --tag audience-mock .` makes. */
export const IMAGE = "audience-mock";
/** Port that the server has in its container, as the Dockerfile says. */
export const CONTAINER_PORT = 8000;
/** Where a container finds the file of its seed. */
export const SEED_IN_CONTAINER = "/seed.json";

/** Settings of the server to start. What is missing decides who starts it: where it listens. */
export type StartSettings = Omit<
  ServerSettings,
  "host" | "port" | "public_url" | "ready_file" | "admin" | "admin_token_file"
>;

/** The variable of each setting that is given. */
export function variablesOf(settings: object): Record<string, string> {
  const given = Object.entries(settings).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(given.map(([name, value]) => [PREFIX + name.toUpperCase(), String(value)]));
}

/** The file of a seed that is not the server's own. */
export function seedFile({ seed }: StartSettings): string | undefined {
  return seed && seed !== "demo" ? seed : undefined;
}

export function newToken(): string {
  return randomBytes(16).toString("hex");
}
