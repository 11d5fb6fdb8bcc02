// The parts that views are made of.
import { html, render, useEffect, useLayoutEffect, useRef, useState } from "./vendor/htm-preact.js";
import { ApiError, actionAsCurl, actionAsPython, call, get } from "./api.js";
import { absolute, iso, plural, relative, stateClass, statusClass, words } from "./format.js";
import { refreshNow, store, useStore, worldNow } from "./store.js";

const UNDO_PREFIX = "undo-";
const KEPT_UNDOS = 5;

// Messages

let toasts = [];
let showToasts = () => {};
let lastToast = 0;

export function toast(text, { undo, bad = false } = {}) {
  const id = (lastToast += 1);
  const remove = () => {
    toasts = toasts.filter((each) => each.id !== id);
    showToasts(toasts);
  };
  toasts = [...toasts.slice(-3), { id, text, undo, bad, remove }];
  showToasts(toasts);
  setTimeout(remove, undo || bad ? 15_000 : 6_000);
}

export function Toasts() {
  const [shown, set] = useState(toasts);
  showToasts = set;
  return html`<div class="toasts" role="status" aria-live="polite">
    ${shown.map(({ id, text, undo, bad, remove }) => html`<div key=${id} class=${bad ? "toast bad" : "toast"}>
      <span>${text}</span>
      ${undo && html`<button onClick=${() => { remove(); undo(); }}>Undo</button>`}
      <button class="plain" aria-label="Dismiss" onClick=${remove}><span aria-hidden="true">×</span></button>
    </div>`)}
  </div>`;
}

export const fail = (error) => toast(error.message, { bad: true });

// Dialogs: the browser's own, which keep the focus and close by Escape.

export function Dialog({ title, onClose, children, wide = false }) {
  const element = useRef();
  // At once, not after the next frame: until it is open, Escape is for the page.
  useLayoutEffect(() => {
    const dialog = element.current;
    const before = document.activeElement;
    dialog.showModal();
    return () => {
      if (dialog.open) dialog.close();
      before?.focus?.();
    };
  }, []);
  return html`<dialog ref=${element} class=${wide ? "wide" : ""} aria-label=${title} onClose=${onClose}
      onClick=${(event) => event.target === element.current && element.current.close()}>
    <div class="dialog">
      <header><h2>${title}</h2><button class="plain" aria-label="Close" onClick=${() => element.current.close()}><span aria-hidden="true">×</span></button></header>
      ${children}
    </div>
  </dialog>`;
}

// Opens a dialog from anywhere; `make(close)` gives what is in it.
export function openDialog(title, make, options = {}) {
  const place = document.body.appendChild(document.createElement("div"));
  const close = () => {
    render(null, place);
    place.remove();
  };
  render(html`<${Dialog} title=${title} onClose=${close} ...${options}>${make(close)}<//>`, place);
}

// Calls

export function Copy({ text, label = "Copy", what }) {
  const [copied, set] = useState(false);
  const copy = async () => {
    await copyText(text);
    set(true);
    setTimeout(() => set(false), 1500);
  };
  return html`<button class="small" onClick=${copy} aria-label=${`${label} ${what ?? ""}`.trim()}>${copied ? "Copied" : label}</button>`;
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Only a page of https or of this machine may use the clipboard.
    const area = document.body.appendChild(document.createElement("textarea"));
    area.value = text;
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

export const Code = ({ text, what }) => html`<div class="code">
  <pre tabindex="0" aria-label=${what}>${text}</pre><${Copy} text=${text} what=${what} />
</div>`;

export function showCode(title, action) {
  const { world } = store;
  openDialog(title, () => html`
    <h3>curl</h3><${Code} text=${actionAsCurl(world, action)} what="curl" />
    <h3>Python</h3><${Code} text=${actionAsPython(world, action)} what="Python" />`);
}

export const AsCode = ({ action, label }) =>
  html`<button class="ascode" title="As curl and Python" aria-label=${`${label}: as curl and Python`}
    onClick=${() => showCode(label, typeof action === "function" ? action() : action)}><span aria-hidden="true">${"</>"}</span></button>`;

// Does an action. With `undo`, a snapshot is taken first, which can be restored.
export async function perform(action, { world = store.world, quiet = false } = {}) {
  const saved = action.undo ? await saveForUndo(world) : null;
  let result;
  try {
    result = await call(world, action.method, action.path, action.body);
  } catch (error) {
    if (!quiet) fail(error);
    throw error;
  }
  const done = typeof action.done === "function" ? action.done(result) : action.done;
  if (done) toast(done, saved ? { undo: () => undo(world, saved) } : {});
  await refreshNow();
  return result;
}

async function saveForUndo(world) {
  try {
    const { snapshots } = await get(world, "/snapshots");
    const old = snapshots.filter((name) => name.startsWith(UNDO_PREFIX));
    for (const name of old.slice(0, Math.max(0, old.length - KEPT_UNDOS + 1))) {
      await call(world, "DELETE", `/snapshots/${encodeURIComponent(name)}`);
    }
    const name = UNDO_PREFIX + new Date().toISOString().replace(/[-:.]/g, "");
    await call(world, "PUT", `/snapshots/${name}`);
    return name;
  } catch (error) {
    if (error instanceof ApiError && error.status === 409) return null;
    fail(error);
    throw error;
  }
}

async function undo(world, snapshot) {
  try {
    await call(world, "POST", `/snapshots/${snapshot}/restore`);
    await call(world, "DELETE", `/snapshots/${snapshot}`);
    toast("Undone. The journal, the faults and the limits start afresh.");
    refreshNow();
  } catch (error) {
    fail(error);
  }
}

// A button that does an action at once, and beside it the call that it makes.
export function Action({ action, children, kind = "", label, onDone, disabled = false }) {
  const [busy, set] = useState(false);
  const name = label ?? (Array.isArray(children) ? children.join("") : children);
  const act = async () => {
    set(true);
    try {
      const result = await perform(typeof action === "function" ? action() : action);
      onDone?.(result);
    } catch {
      // It was shown.
    } finally {
      set(false);
    }
  };
  return html`<span class="action">
    <button class=${kind} disabled=${busy || disabled} aria-label=${label} onClick=${act}>${children}</button>
    <${AsCode} action=${action} label=${name} />
  </span>`;
}

// Values

export const State = ({ status, held = false }) => html`<span class=${`state ${stateClass(status)}`}>
  ${words(status)}${held && html`<span class="held" title="Held by a seed or by hand, whatever the clock shows">held</span>`}</span>`;

export const Status = ({ status }) => html`<span class=${`status ${statusClass(status)}`}>${status ?? "none"}</span>`;

// A point of the world's time; its text follows the clock.
export function At({ unix, never = "never" }) {
  useSecond();
  if (unix === null || unix === undefined) return html`<span class="quiet">${never}</span>`;
  return html`<time datetime=${iso(unix)} title=${absolute(unix)}>${relative(unix - worldNow())}</time>`;
}

export function useSecond() {
  const [, tick] = useState(0);
  useStore((known) => known.clock);
  useEffect(() => {
    const timer = setInterval(() => !store.clock?.frozen && tick((times) => times + 1), 1000);
    return () => clearInterval(timer);
  }, []);
}

export const Problem = ({ error }) => error && html`<p class="problem" role="alert">${error.message}</p>`;

export const Empty = ({ title, children }) => html`<div class="empty"><h3>${title}</h3>${children}</div>`;

// JSON, folded below the third level; what is folded is made when it is opened.
export function Json({ value, name, depth = 0 }) {
  const isList = Array.isArray(value);
  if (value === null || typeof value !== "object") {
    const kind = value === null ? "null" : typeof value;
    return html`<div class="json">${label(name)}<span class=${`j-${kind}`}>${JSON.stringify(value)}</span></div>`;
  }
  const entries = Object.entries(value);
  const brackets = isList ? ["[", "]"] : ["{", "}"];
  if (entries.length === 0) return html`<div class="json">${label(name)}${brackets.join("")}</div>`;
  return html`<${Folded} open=${depth < 3 && entries.length <= 100} brackets=${brackets} name=${name}
    note=${plural(entries.length, isList ? "item" : "key")}
    make=${() => entries.slice(0, 1000).map(([key, each]) => html`<${Json} key=${key} value=${each} name=${isList ? null : key} depth=${depth + 1} />`)} />`;
}

const label = (name) => name !== null && name !== undefined && html`<span class="j-key">${JSON.stringify(name)}</span>: `;

function Folded({ open, brackets, name, note, make }) {
  const [isOpen, set] = useState(open);
  return html`<details class="json" open=${isOpen} onToggle=${(event) => set(event.currentTarget.open)}>
    <summary>${label(name)}${brackets[0]}<span class="quiet">${isOpen ? "" : ` ${note} ${brackets[1]}`}</span></summary>
    ${isOpen && html`<div class="inner">${make()}</div>${brackets[1]}`}
  </details>`;
}

export const JsonBox = ({ value, what }) => html`<div class="jsonbox">
  <${Copy} text=${JSON.stringify(value, null, 2)} what=${what} />
  <${Json} value=${value} />
</div>`;

// Tabs with the keys that people expect.
export function Tabs({ tabs, label }) {
  const [chosen, set] = useState(tabs[0].name);
  const current = tabs.find((each) => each.name === chosen) ?? tabs[0];
  const onKeyDown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = tabs[(tabs.indexOf(current) + step + tabs.length) % tabs.length];
    set(next.name);
    event.currentTarget.querySelector(`[data-tab="${next.name}"]`).focus();
  };
  return html`<div class="tabs">
    <div role="tablist" aria-label=${label} onKeyDown=${onKeyDown}>
      ${tabs.map((each) => html`<button role="tab" data-tab=${each.name} aria-selected=${each === current}
        tabindex=${each === current ? 0 : -1} onClick=${() => set(each.name)}>${each.title ?? each.name}</button>`)}
    </div>
    <div role="tabpanel" aria-label=${current.title ?? current.name} tabindex="0">${current.content()}</div>
  </div>`;
}

export const Field = ({ label: text, children, hint }) => html`<label class="field"><span>${text}</span>${children}
  ${hint && html`<small>${hint}</small>`}</label>`;

export const Select = ({ label: text, value, options, onChange, any = "any" }) => html`<label class="field"><span>${text}</span>
  <select aria-label=${text} value=${value ?? ""} onChange=${(event) => onChange(event.currentTarget.value || undefined)}>
    ${any !== null && html`<option value="">${any}</option>`}
    ${options.map((each) => {
      const [name, title] = Array.isArray(each) ? each : [each, each];
      return html`<option key=${name} value=${name} selected=${name === value}>${title}</option>`;
    })}
  </select></label>`;

// A list of which only the rows in view exist. The newest is on top; rows that come while the reader is further
// down do not move what they look at.
export function Rows({ items, keyOf, height, row, label: text, selected, onSelect, onAway }) {
  const element = useRef();
  const [view, setView] = useState({ top: 0, height: 600 });
  const first = useRef(null);
  const measure = () => {
    const { scrollTop, clientHeight } = element.current;
    onAway?.(scrollTop > 0);
    setView((old) => (old.top === scrollTop && old.height === clientHeight ? old : { top: scrollTop, height: clientHeight }));
  };
  useLayoutEffect(() => {
    const list = element.current;
    const added = first.current === null ? 0 : items.findIndex((each) => keyOf(each) === first.current);
    if (added > 0 && list.scrollTop > 0) list.scrollTop += added * height;
    first.current = items.length ? keyOf(items[0]) : null;
    measure();
  }, [items]);
  useEffect(() => {
    const observer = new ResizeObserver(measure);
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  const place = items.findIndex((each) => keyOf(each) === selected);
  const select = (to) => {
    const bounded = Math.max(0, Math.min(items.length - 1, to));
    if (items.length === 0) return;
    onSelect(keyOf(items[bounded]));
    const list = element.current;
    const top = bounded * height;
    if (top < list.scrollTop) list.scrollTop = top;
    else if (top + height > list.scrollTop + list.clientHeight) list.scrollTop = top + height - list.clientHeight;
  };
  const onKeyDown = (event) => {
    const page = Math.max(1, Math.floor(view.height / height) - 1);
    const to = { ArrowDown: place + 1, j: place + 1, ArrowUp: Math.max(0, place - 1), k: Math.max(0, place - 1), PageDown: place + page, PageUp: place - page, Home: 0, End: items.length - 1 }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (to !== undefined) {
      event.preventDefault();
      select(to);
    }
  };
  const from = Math.max(0, Math.floor(view.top / height) - 8);
  const to = Math.min(items.length, Math.ceil((view.top + view.height) / height) + 8);
  return html`<div class="rows" ref=${element} role="listbox" aria-label=${text} tabindex="0" data-rows
      aria-activedescendant=${place >= from && place < to ? `row-${selected}` : null} onScroll=${measure} onKeyDown=${onKeyDown}>
    <div style=${{ height: `${items.length * height}px`, position: "relative" }} role="presentation">
      ${items.slice(from, to).map((each, index) => {
        const key = keyOf(each);
        return html`<div key=${key} id=${`row-${key}`} role="option" class="row" aria-selected=${key === selected}
          aria-posinset=${from + index + 1} aria-setsize=${items.length}
          style=${{ position: "absolute", top: `${(from + index) * height}px`, height: `${height}px` }}
          onClick=${() => !String(getSelection()) && onSelect(key)}>${row(each)}</div>`;
      })}
    </div>
  </div>`;
}

// Two columns; on a phone the detail takes the place of the list. It closes by Escape.
export function Split({ list, detail, label: text, onClose }) {
  const isOpen = Boolean(detail);
  return html`<div class=${isOpen ? "split open" : "split"}>
    <div class="list">${list}</div>
    ${isOpen && html`<section class="detail" aria-label=${text}
        onKeyDown=${(event) => event.key === "Escape" && onClose()}>
      <button class="plain close" aria-label="Close the detail" onClick=${onClose}><span aria-hidden="true">×</span></button>${detail}</section>`}
  </div>`;
}

// What the control API answers to a GET, as a file.
export async function download(world, path, name) {
  try {
    const found = await get(world, path);
    const url = URL.createObjectURL(new Blob([JSON.stringify(found, null, 2)], { type: "application/json" }));
    Object.assign(document.createElement("a"), { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  } catch (error) {
    fail(error);
  }
}
