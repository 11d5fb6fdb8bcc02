// A table of rows that the server searches, sorts and pages, with a detail beside it.
import { html, useEffect, useRef, useState } from "./vendor/htm-preact.js";
import { count, plural } from "./format.js";
import { go, href, replace } from "./router.js";
import { useData } from "./store.js";
import { Empty, Problem, Split } from "./ui.js";

const PAGE = 50;
const TYPING_MS = 200;

export const Pairs = ({ pairs }) => html`<dl class="pairs">${pairs.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;

export function Listing({ world, view, id, params, columns, noun, names, filters, keyOf, titleOf, load, empty, detail }) {
  const { sort = "created_at", order = "desc", page = "1" } = params;
  const offset = (Math.max(1, Number(page) || 1) - 1) * PAGE;
  const wanted = { ...Object.fromEntries(names.map((name) => [name, params[name]])), sort, order, limit: PAGE, offset };
  const { value, error, busy } = useData((signal) => load(wanted, signal), [world, JSON.stringify(wanted)]);
  const set = (changes) => replace(world, view, { id, ...params, page: undefined, ...changes });
  const open = (key) => go(world, view, { ...params, id: key });
  const isFiltered = names.some((name) => params[name]);
  const pages = Math.max(1, Math.ceil((value?.total ?? 0) / PAGE));
  const body = useRef();
  const onKeyDown = (event) => {
    const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const links = [...body.current.querySelectorAll("a.cell")];
    links[Math.max(0, Math.min(links.length - 1, links.indexOf(document.activeElement) + step))]?.focus();
  };
  const table = html`
    <div class="filters">
      <${SearchField} value=${params.text ?? ""} onChange=${(text) => set({ text })} />${filters(set)}
    </div>
    <${Problem} error=${error} />
    ${value === null ? busy && html`<p class="quiet" aria-busy="true">Loading…</p>`
      : value.total === 0 ? isFiltered ? html`<${Empty} title=${`No ${noun} meets the filter`}><p><a href=${href(world, view)}>Show all of them</a></p><//>` : empty
      : html`<div class="scroll" tabindex="0" role="region" aria-label="Table" ref=${body} data-rows onKeyDown=${onKeyDown}><table class="wide-table">
        <thead><tr>${columns.map((column) => html`<th key=${column.name} scope="col" class=${`${column.number ? "number" : ""} ${column.extra ? "extra" : ""}`}
          aria-sort=${column.name === sort ? (order === "asc" ? "ascending" : "descending") : null}>${column.sort === false ? column.title
            : html`<button class="sort" onClick=${() => set({ sort: column.name, order: column.name === sort && order === "desc" ? "asc" : "desc" })}>${column.title}</button>`}</th>`)}</tr></thead>
        <tbody>${value.rows.map((row) => html`<tr key=${keyOf(row)} class="selectable" aria-selected=${keyOf(row) === id}
            onClick=${(event) => !event.target.closest("a, button") && !String(getSelection()) && open(keyOf(row))}>
          ${columns.map((column, index) => html`<td class=${`${column.number ? "number" : index === 0 ? "wrap" : ""} ${column.extra ? "extra" : ""}`}>${index === 0
            ? html`<a class="cell" href=${href(world, view, { ...params, id: keyOf(row) })}>${titleOf(row)}</a>` : column.cell(row)}</td>`)}</tr>`)}</tbody>
      </table></div>
      <div class="pages"><span>${plural(value.total, noun)}${pages > 1 ? `, page ${count(Math.floor(offset / PAGE) + 1)} of ${count(pages)}` : ""}</span>
        ${pages > 1 && html`<button class="small" disabled=${offset === 0} onClick=${() => set({ page: Number(page) - 1 })}>Previous</button>
        <button class="small" disabled=${offset + PAGE >= value.total} onClick=${() => set({ page: Number(page) + 1 })}>Next</button>`}</div>`}`;
  return html`<${Split} list=${table} label=${noun} onClose=${() => go(world, view, params)} detail=${id !== null && detail(id)} />`;
}

// Searches once the reader stops typing.
function SearchField({ value, onChange }) {
  const [text, set] = useState(value);
  const timer = useRef(0);
  useEffect(() => set(value), [value]);
  const type = (event) => {
    const typed = event.currentTarget.value;
    set(typed);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => onChange(typed), TYPING_MS);
  };
  return html`<label class="field grow"><span>Search</span><input data-filter type="search" value=${text} placeholder="name, id or account" onInput=${type} /></label>`;
}
