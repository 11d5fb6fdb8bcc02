import type { JournalEntry } from "./types.js";
import type { World } from "./world.js";

/** Requests that are shown. Chosen: half a screen. */
const LAST = 10;
const BODY_CHARACTERS = 300;

/** One line for each of the last requests of a world; below a rejected one, what it was answered and why. */
export async function lastRequests(world: World): Promise<string> {
  const prefix = `/worlds/${encodeURIComponent(world.name)}`;
  let entries: readonly JournalEntry[];
  try {
    // Through the default world: a path through a world that the test deleted would create it anew.
    await world.inWorld("default").control("GET", prefix);
    entries = await world.journal.entries({ limit: LAST });
  } catch (error) {
    return `The request journal of world ${world.name} cannot be read: ${(error as Error).message}`;
  }
  if (entries.length === 0) {
    const { pinterest, pitchtarget } = world.urls;
    return `World ${world.name} received no request. Base URLs of its APIs:\n  ${pinterest}\n  ${pitchtarget}`;
  }
  const lines = entries.flatMap((entry) => linesOf(entry, prefix));
  return [`World ${world.name}, its last requests, the newest last:`, ...lines].join("\n");
}

function linesOf({ number, operation, request, answer, ...entry }: JournalEntry, prefix: string): string[] {
  const path = request.path.startsWith(prefix) ? request.path.slice(prefix.length) : request.path;
  const status = answer.status ?? "no response";
  const lines = [`${String(number).padStart(5)} ${status} ${request.method} ${path} (${operation ?? "no operation"})`];
  if (answer.status !== null && answer.status < 400) return lines;
  const more: string[] = [];
  if (answer.body != null) more.push(JSON.stringify(answer.body).slice(0, BODY_CHARACTERS));
  if (entry.fault !== null) more.push(`fault: ${entry.fault}`);
  if (entry.reason != null) more.push(`reason: ${entry.reason}`);
  for (const suggestion of entry.suggestions ?? []) more.push(`did you mean ${suggestion}`);
  return [...lines, ...more.map((line) => `          ${line}`)];
}
