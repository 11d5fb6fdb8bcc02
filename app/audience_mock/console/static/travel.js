// Moving the clock of a world, and saying what that changed.
import { get } from "./api.js";
import { duration, plural, words } from "./format.js";
import { store } from "./store.js";
import { perform, toast } from "./ui.js";

export function advanceAction({ seconds, to }) {
  return seconds === undefined
    ? { method: "POST", path: "/clock/advance", body: { to }, python: `clock.advance(to=${JSON.stringify(to)})` }
    : { method: "POST", path: "/clock/advance", body: { seconds }, python: `clock.advance(${seconds})` };
}

export const setAction = (now) => ({ method: "PUT", path: "/clock", body: { now }, python: `clock.set(${JSON.stringify(now)})` });

// Does an action that moves the clock forward; says what the agenda had until then.
export async function travel(action) {
  try {
    // The page's own clock may not be there yet.
    const [before, { events }] = await Promise.all([get(store.world, "/clock"), get(store.world, "/clock/agenda?limit=1000")]);
    const clock = await perform(action);
    const fired = events.filter((event) => event.unix <= clock.unix);
    const moved = action.body.seconds ?? clock.unix - before.unix;
    const by = moved < 0 ? `${duration(moved)} back` : `${duration(moved)} later`;
    toast(fired.length ? `${by}: ${summary(fired)}` : `${by}: nothing changed`);
  } catch {
    // It was shown.
  }
}

const NOUNS = { audience: "audience", customer_list: "customer list", upload: "upload" };

export function summary(events) {
  const counts = new Map();
  for (const event of events) {
    const noun = NOUNS[event.kind];
    const key = noun ? [noun, `became ${words(event.becomes).toUpperCase()}`]
      : event.kind === "facebook_id" ? ["audience", "got a Facebook id"]
      : event.kind === "token" ? ["token", "expired"] : ["rate limit", "started anew"];
    const text = key.join("|");
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return [...counts].map(([text, times]) => {
    const [noun, verb] = text.split("|");
    return `${plural(times, noun)} ${verb}`;
  }).join(", ");
}
