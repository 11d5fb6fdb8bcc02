// What the whole page knows: the world in view, its clock, its newest requests, and what changed.
import { useEffect, useRef, useState } from "./vendor/htm-preact.js";
import { get } from "./api.js";
import { follow } from "./live.js";

export const KEPT_REQUESTS = 5000;
// After a change; a world that takes long to load is loaded less often.
const REFRESH_MS = 400;

export const store = {
  world: null,
  worlds: [],
  overview: null,
  error: null,
  clock: null,
  nextEvent: null,
  // Newest last.
  requests: [],
  missed: 0,
  rejected: 0,
  connection: "connecting",
  // Counts changes of the world, so that a view knows when to load again.
  version: 0,
};

const listeners = new Set();
let scheduled = false;

// At most one update for each frame, however much happens.
export function changed(part = {}) {
  Object.assign(store, part);
  if (scheduled) return;
  scheduled = true;
  const update = () => {
    scheduled = false;
    for (const listener of [...listeners]) listener();
  };
  // A hidden page gets no frames.
  if (document.hidden) setTimeout(update, 100);
  else requestAnimationFrame(update);
}

export function useStore(select) {
  const [, render] = useState(0);
  const shown = useRef();
  const current = useRef(select);
  current.current = select;
  shown.current = select(store);
  useEffect(() => {
    const listen = () => {
      if (!Object.is(current.current(store), shown.current)) render((times) => times + 1);
    };
    listeners.add(listen);
    listen();
    return () => listeners.delete(listen);
  }, []);
  return shown.current;
}

// Loads with `load(signal)`, again when the world has changed or one of `keys` has; the older value stays
// meanwhile.
export function useData(load, keys, { live = true } = {}) {
  const version = useStore((known) => known.version);
  const [state, set] = useState({ value: null, error: null, busy: true });
  useEffect(() => {
    const aborted = new AbortController();
    load(aborted.signal).then(
      (value) => set({ value, error: null, busy: false }),
      (error) => error.name !== "AbortError" && set((old) => ({ ...old, error, busy: false })),
    );
    return () => aborted.abort();
  }, [...keys, live ? version : 0]);
  return state;
}

let refreshing = 0;
let reloadTook = 0;

// Something in the world may have changed: load again, soon and once.
export function refreshSoon() {
  refreshing ||= setTimeout(() => {
    refreshing = 0;
    changed({ version: store.version + 1 });
    reload();
  }, Math.max(REFRESH_MS, 5 * reloadTook));
}

export function refreshNow() {
  clearTimeout(refreshing);
  refreshing = 0;
  changed({ version: store.version + 1 });
  return reload();
}

let due = 0;

async function reload() {
  const { world } = store;
  const started = performance.now();
  try {
    const [, agenda, { worlds }] = await Promise.all([
      // Shown at once: it is the first view.
      get(world, "/overview").then((overview) => world === store.world && changed({ overview, error: null })),
      get(world, "/clock/agenda?limit=1"),
      get(world, "/worlds"),
    ]);
    reloadTook = performance.now() - started;
    if (world !== store.world) return;
    changed({ worlds, nextEvent: agenda.events[0] ?? null });
    clearTimeout(due);
    const wait = agenda.events[0]?.in_s * 1000 + 30;
    // The clock itself changes states: load again when it does.
    if (!store.clock?.frozen && wait < 2 ** 31) due = setTimeout(refreshSoon, wait);
  } catch (error) {
    changed({ error });
  }
}

export function setClock(clock) {
  changed({ clock: { ...clock, at: performance.now() } });
}

// The time of the world in Unix seconds, now.
export function worldNow() {
  const { clock } = store;
  if (clock === null) return Date.now() / 1000;
  return clock.frozen ? clock.unix : clock.unix + (performance.now() - clock.at) / 1000;
}

let leave = () => {};

export function enterWorld(world) {
  leave();
  changed({ world, overview: null, clock: null, nextEvent: null, requests: [], missed: 0, rejected: 0, connection: "connecting", error: null });
  let first = true;
  reload();
  leave = follow(world, {
    onState: (connection) => changed({ connection }),
    onRefused: (message) => changed({ error: new Error(message) }),
    onEvent: async (kind, data) => {
      if (kind === "request") {
        add(data);
      } else if (kind === "hello") {
        setClock(data.clock);
        if (!data.resumed || first) await loadRequests(world);
        first = false;
        // What happened between the first load and this subscription was not announced.
        refreshSoon();
      } else if (kind === "change") {
        setClock(data.clock);
        if (["state/reset", "snapshots/restore", "journal/empty"].includes(data.operation)) await loadRequests(world);
        refreshSoon();
      } else if (kind === "missed") {
        changed({ missed: store.missed + data.missed });
      }
    },
  });
}

async function loadRequests(world) {
  try {
    const { requests } = await get(world, "/journal/summary?limit=1000");
    if (world === store.world) changed({ requests });
  } catch (error) {
    changed({ error });
  }
}

let waiting = [];

function add(entry) {
  if (waiting.length === 0) requestSoon();
  waiting.push(entry);
}

function requestSoon() {
  setTimeout(() => {
    const last = store.requests.at(-1)?.number ?? 0;
    const fresh = waiting.filter((entry) => entry.number > last);
    waiting = [];
    if (fresh.length === 0) return;
    const rejected = fresh.filter((entry) => entry.status === null || entry.status >= 400).length;
    changed({ requests: [...store.requests, ...fresh].slice(-KEPT_REQUESTS), rejected: store.rejected + rejected });
    refreshSoon();
  }, 0);
}
