// The frame: the top bar with world and clock, the navigation, keys, and the view that the address names.
import { html, useEffect, useState } from "./vendor/htm-preact.js";
import { call, get, token, worldPath } from "./api.js";
import { absolute, count, dateOf, relative, timeOf } from "./format.js";
import { go, href, useRoute } from "./router.js";
import { changed, enterWorld, store, useStore, worldNow } from "./store.js";
import { advanceAction, travel } from "./travel.js";
import { Action, Dialog, Toasts, fail, openDialog, perform, toast, useSecond } from "./ui.js";

// What the navigation shows, the key after `g`, and where the view is; each is loaded when it is first opened.
const VIEWS = [
  ["overview", "Overview", "o"],
  ["audiences", "Audiences", "a"],
  ["lists", "Customer lists", "l"],
  ["requests", "Requests", "r"],
  ["conduct", "Conduct", "d"],
  ["contract-diff", "Contract diff", "v"],
  ["clock", "Clock", "c"],
  ["faults", "Faults", "f"],
  ["uploads", "Uploads", "u"],
  ["lint", "Lint", "h"],
  ["identities", "Identities", "i"],
  ["snapshots", "Snapshots", "s"],
  ["tokens", "Tokens and limits", "t"],
];
const HIDDEN_VIEWS = ["settings", "compare", "bridge"];
const loaded = {};

function View({ name, ...props }) {
  const [, render] = useState(0);
  const known = VIEWS.some(([view]) => view === name) || HIDDEN_VIEWS.includes(name);
  useEffect(() => {
    if (known && !loaded[name]) {
      import(`./views/${name}.js`).then((module) => {
        loaded[name] = module.default;
        render((times) => times + 1);
      }, fail);
    }
  }, [name]);
  if (!known) return html`<h1>No such view</h1><p><a href=${href(props.world)}>Go to the overview</a></p>`;
  const Loaded = loaded[name];
  return Loaded ? html`<${Loaded} ...${props} />` : html`<p class="quiet" aria-busy="true">Loading…</p>`;
}

export function Shell() {
  const route = useRoute();
  const { world, view } = route;
  const connection = useStore((known) => known.connection);
  useEffect(() => {
    document.body.dataset.connection = connection;
  }, [connection]);
  useEffect(() => {
    if (world !== store.world) enterWorld(world);
  }, [world]);
  useEffect(() => {
    const title = VIEWS.find(([name]) => name === view)?.[1] ?? view;
    document.title = `${title} · ${world} · Audience Mock`;
  }, [view, world]);
  useKeys(world);
  return html`
    <a class="skip" href="#main" onClick=${(event) => { event.preventDefault(); document.getElementById("main").focus(); }}>Skip to the content</a>
    <${TopBar} world=${world} view=${view} />
    <${Connection} />
    <div class="frame">
      <${Navigation} world=${world} view=${view} />
      <main id="main" tabindex="-1" class=${`view-${view}`}><${View} key=${world} name=${view} ...${route} /></main>
    </div>
    <${Toasts} />
    <${TokenQuestion} />`;
}

function Connection() {
  const connection = useStore((known) => known.connection);
  const error = useStore((known) => known.error);
  if (error) return html`<p class="banner" role="alert">${error.message}</p>`;
  if (connection === "lost") return html`<p class="banner" role="status">The connection is lost; trying again…</p>`;
  return null;
}

function Navigation({ world, view }) {
  // On a phone, the views are in one row that is wider than the screen.
  useEffect(() => document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" }), [view]);
  const unused = useStore((known) => known.overview?.unused_faults ?? 0);
  const rejected = useStore((known) => known.rejected);
  const overview = useStore((known) => known.overview);
  const badges = {
    faults: unused > 0 && html`<span class="badge fault" title="unused faults">${count(unused)}<span class="hide"> unused</span></span>`,
    requests: rejected > 0 && html`<span class="badge bad" title="rejected since this page was opened">${count(rejected)}<span class="hide"> rejected</span></span>`,
  };
  return html`<nav aria-label="Views">
    <ul>${VIEWS.map(([name, title]) => html`<li key=${name}>
      <a href=${href(world, name)} aria-current=${name === view ? "page" : null}><span>${title}</span>${badges[name]}</a></li>`)}
    </ul>
    <footer>
      <a href=${`${worldPath(world)}/docs`}>API docs</a>
      <a href=${href(world, "settings")} aria-current=${view === "settings" ? "page" : null}>Settings</a>
      <button class="link" onClick=${showKeys}>Keys <kbd>?</kbd></button>
      <${Theme} />
      ${overview && html`<small>v${overview.version} · ${overview.store === "memory" ? "in memory" : overview.store}</small>`}
    </footer>
  </nav>`;
}

function Theme() {
  const [theme, set] = useState(document.documentElement.dataset.theme);
  const choose = (event) => {
    const chosen = event.currentTarget.value;
    document.documentElement.dataset.theme = chosen;
    localStorage.setItem("audience-mock-theme", chosen);
    set(chosen);
  };
  return html`<label class="theme"><span class="hide">Theme</span><select value=${theme} onChange=${choose}>
    ${["system", "light", "dark"].map((each) => html`<option value=${each} selected=${each === theme}>${each} theme</option>`)}
  </select></label>`;
}

function TopBar({ world, view }) {
  const worlds = useStore((known) => known.worlds);
  const names = worlds.includes(world) ? worlds : [...worlds, world].sort();
  return html`<header class="top">
    <a class="brand" href=${href(world)}>Audience Mock</a>
    <div class="world">
      <label for="world">world</label>
      <select id="world" value=${world} onChange=${(event) => go(event.currentTarget.value, view)}>
        ${names.map((name) => html`<option key=${name} value=${name} selected=${name === world}>${name}</option>`)}
      </select>
      <${WorldMenu} world=${world} />
    </div>
    <${TopClock} />
  </header>`;
}

function WorldMenu({ world }) {
  const close = (event) => event.currentTarget.closest("details").removeAttribute("open");
  return html`<details class="menu" onKeyDown=${(event) => {
    if (event.key === "Escape") {
      event.currentTarget.removeAttribute("open");
      event.currentTarget.querySelector("summary").focus();
    }
  }}>
    <summary aria-label="Change worlds"><span aria-hidden="true">⋯</span></summary>
    <div class="items" onClick=${(event) => event.target.closest(".action > button:first-child, .item") && close(event)}>
      <button class="item" onClick=${() => nameWorld("New world", (name) => ({ method: "PUT", path: `/worlds/${encodeURIComponent(name)}`, body: { settings: {} }, done: `Created ${name}` }))}>New…</button>
      <button class="item" onClick=${() => nameWorld(`Fork ${world}`, (name) => forkAction(world, name))}>Fork…</button>
      <${Action} action=${resetAction("seed")}>Reset to the seed<//>
      <${Action} action=${resetAction("empty")}>Reset to empty<//>
      <a class="item" href=${href(world, "compare")}>Compare…</a>
      <a class="item" href=${href(world, "bridge")}>Move to another API…</a>
      <button class="item danger" disabled=${world === "default"} onClick=${() => deleteWorld(world)}>Delete</button>
    </div>
  </details>`;
}

const resetAction = (to) => ({
  method: "POST", path: "/reset", body: { to }, python: `reset(${JSON.stringify(to)})`, undo: true,
  done: to === "seed" ? "The world is as it was at its start" : "The world is empty",
});

const forkAction = (world, name) => ({
  method: "POST", path: `/worlds/${encodeURIComponent(world)}/fork`, body: { name },
  python: `fork(${JSON.stringify(name)})`, done: `Forked ${world} as ${name}`,
});

function nameWorld(title, makeAction) {
  openDialog(title, (close) => html`<form class="stack" onSubmit=${async (event) => {
    event.preventDefault();
    const name = new FormData(event.currentTarget).get("name").trim();
    try {
      await perform(makeAction(name), { world: "default" });
      close();
      go(name, "overview");
    } catch {
      // It was shown.
    }
  }}>
    <label class="field"><span>Name</span><input name="name" required autofocus autocomplete="off" pattern="[A-Za-z0-9][A-Za-z0-9_.\\-]*" maxlength="100" />
      <small>Letters, digits, dots, dashes and underscores. Each client of it uses its own base URLs.</small></label>
    <div class="buttons"><button class="primary">${title.split(" ")[0] === "Fork" ? "Fork" : "Create"}</button></div>
  </form>`);
}

// A deleted world has no snapshots, so what it held is kept by the page until it is left.
async function deleteWorld(world) {
  try {
    const [{ settings }, state] = await Promise.all([get("default", `/worlds/${encodeURIComponent(world)}`), get(world, "/state").catch(() => null)]);
    go("default", "overview");
    await call("default", "DELETE", `/worlds/${encodeURIComponent(world)}`);
    const undo = async () => {
      try {
        await call("default", "PUT", `/worlds/${encodeURIComponent(world)}`, { settings });
        await call(world, "POST", "/reset", { to: "empty" });
        await call(world, "POST", "/seed", state);
        go(world, "overview");
      } catch (error) {
        fail(error);
      }
    };
    toast(`Deleted ${world} and its snapshots`, state ? { undo } : {});
  } catch (error) {
    fail(error);
  }
}

function TopClock() {
  useSecond();
  const clock = useStore((known) => known.clock);
  const next = useStore((known) => known.nextEvent);
  if (clock === null) return html`<div class="clock" aria-hidden="true"><span class="time">--:--:--</span></div>`;
  const now = worldNow();
  const toggle = clock.frozen
    ? { method: "PUT", path: "/clock", body: { frozen: false }, python: "clock.run()", done: "The clock runs" }
    : { method: "PUT", path: "/clock", body: { frozen: true }, python: "clock.freeze()", done: "The clock stands still" };
  return html`<div class="clock">
    <a class="time" href=${href(store.world, "clock")} title=${`${absolute(now)}: the time of this world`}>
      <span class="date">${dateOf(now)}</span> ${timeOf(now)} Z</a>
    ${clock.frozen && html`<span class="frozen">frozen</span>`}
    <button class="small" onClick=${() => perform(toggle).catch(() => {})}>${clock.frozen ? "Run" : "Freeze"}</button>
    <button class="small" onClick=${() => travel(advanceAction({ seconds: 60 }))}>+1 min</button>
    <button class="small wide-only" onClick=${() => travel(advanceAction({ seconds: 3600 }))}>+1 h</button>
    <button class="small" disabled=${!next} title=${next ? `Next event ${relative(next.unix - now)}` : "Nothing is going to happen"}
      onClick=${() => travel(advanceAction({ to: "next-event" }))}>Next event</button>
  </div>`;
}

// Keys

function useKeys(world) {
  useEffect(() => {
    let before = "";
    const listen = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      const typing = event.target.closest?.("input, textarea, select");
      if (typing) {
        if (event.key === "Escape") event.target.blur();
        return;
      }
      const { key } = event;
      if (before === "g") {
        const view = VIEWS.find(([, , letter]) => letter === key);
        if (view) go(world, view[0]);
      } else if (key === "?") showKeys();
      else if (key === "/") {
        event.preventDefault();
        document.querySelector("[data-filter]")?.focus();
      } else if ((key === "j" || key === "k") && !event.target.closest("[data-rows]")) {
        const rows = document.querySelector("[data-rows]");
        if (rows) {
          rows.focus();
          rows.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
        }
      } else if (key === "Escape") document.querySelector(".detail .close")?.click();
      before = key;
    };
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, [world]);
}

function showKeys() {
  const keys = [
    ["/", "to the filter"], ["j  k", "next and previous row"], ["Enter", "open the row"], ["Esc", "back"], ["?", "this list"],
    ...VIEWS.map(([, title, letter]) => [`g ${letter}`, title]),
  ];
  openDialog("Keys", () => html`<dl class="keys">${keys.map(([key, what]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${what}</dd></div>`)}</dl>`);
}

// The admin token, asked for once

function TokenQuestion() {
  const [question, set] = useState(null);
  useEffect(() => {
    let asking = null;
    token.ask = (sent) => {
      // Another call has asked meanwhile.
      if (token.get() !== null && token.get() !== sent) return Promise.resolve(token.get());
      asking ??= new Promise((answer) => set({ wrong: sent !== null, answer })).finally(() => {
        asking = null;
        set(null);
      });
      return asking;
    };
    changed();
  }, []);
  if (question === null) return null;
  const submit = (event) => {
    event.preventDefault();
    token.set(new FormData(event.currentTarget).get("token").trim());
    question.answer(token.get());
  };
  return html`<${Dialog} title="Admin token" onClose=${() => question.answer(null)}>
    <form class="stack" onSubmit=${submit}>
      <p>This server was started with a token for its control API. It is kept for this tab only.</p>
      ${question.wrong && html`<p class="problem" role="alert">That token is wrong.</p>`}
      <label class="field"><span>Token</span><input name="token" type="password" required autofocus autocomplete="current-password" /></label>
      <div class="buttons"><button class="primary">Continue</button></div>
    </form><//>`;
}

