// The audiences of both APIs: searched by the server, so that any number of them will do.
import { html, useState } from "../vendor/htm-preact.js";
import { get, query } from "../api.js";
import { absolute, count, plural, words } from "../format.js";
import { go, href } from "../router.js";
import { useData, useStore } from "../store.js";
import { Listing, Pairs } from "../listing.js";
import { Action, At, Empty, Field, JsonBox, Problem, Select, State, Tabs } from "../ui.js";

const COLUMNS = [
  { name: "name", title: "name", cell: (row) => row.name },
  { name: "api", extra: true, title: "API", sort: false, cell: (row) => row.api },
  { name: "kind", extra: true, title: "type", cell: (row) => words(row.kind) },
  { name: "account", extra: true, title: "account", cell: (row) => html`<span class="mono">${row.account}</span>` },
  { name: "status", title: "status", cell: (row) => html`<${State} status=${row.status} held=${row.held_status !== null} />` },
  { name: "size", title: "size", number: true, cell: (row) => count(row.size) },
  { name: "ready_at", extra: true, title: "ready", cell: (row) => html`<${Ready} row=${row} />` },
  { name: "created_at", extra: true, title: "created", cell: (row) => html`<${At} unix=${row.created_at} />` },
];

const Ready = ({ row }) => row.ready_at === null
  ? html`<span class="quiet">${row.policy.startsWith("after_reads") ? `after ${row.policy.split(":")[1]} reads` : words(row.policy)}</span>`
  : html`<${At} unix=${row.ready_at} />`;

export default function Audiences({ world, id, params }) {
  const overview = useStore((known) => known.overview);
  const filters = (set) => html`
    <${Select} label="API" value=${params.api} options=${(overview?.apis ?? []).map((api) => api.name)} onChange=${(api) => set({ api, kind: undefined })} />
    <${Select} label="Type" value=${params.kind} options=${kindsOf(overview, params.api)} onChange=${(kind) => set({ kind })} />
    <${Select} label="Status" value=${params.status} options=${statusesOf(overview, params.api)} onChange=${(status) => set({ status })} />
    <${Field} label="Account"><input size="14" value=${params.account ?? ""} placeholder="any" onChange=${(event) => set({ account: event.currentTarget.value.trim() })} /><//>`;
  return html`<h1>Audiences</h1><${Listing} world=${world} view="audiences" id=${id} params=${params} columns=${COLUMNS} noun="audience"
    names=${["text", "api", "kind", "status", "account"]} filters=${filters} keyOf=${(row) => `${row.api}:${row.id}`} titleOf=${(row) => row.name}
    load=${async (wanted, signal) => {
      const { audiences, total } = await get(world, `/audiences${query(wanted)}`, signal);
      return { rows: audiences, total };
    }}
    empty=${html`<${Empty} title="No audience yet"><p>An audience that a client creates with either API appears here at once. The <a href=${href(world)}>overview</a> has base URLs to give it, and data to load.</p><//>`}
    detail=${(key) => html`<${Detail} key=${key} world=${world} of=${key} params=${params} />`} />`;
}

const kindsOf = (overview, api) => [...new Set(Object.entries(overview?.kinds ?? {}).filter(([name]) => !api || name === api).flatMap(([, kinds]) => kinds))].map((kind) => [kind, words(kind)]);
const statusesOf = (overview, api) => [...new Set(Object.entries(overview?.audiences ?? {}).filter(([name]) => !api || name === api).flatMap(([, by]) => Object.keys(by)))].sort().map((each) => [each, words(each)]);

const KNOWN_STATUSES = ["INITIALIZING", "READY", "TOO_SMALL"];

function Detail({ world, of, params }) {
  const [api, id] = of.split(":");
  const path = `/audiences/${encodeURIComponent(id)}`;
  const { value: found, error } = useData(
    async (signal) => {
      const [audience, { objects }, { uploads }] = await Promise.all([
        get(world, `${path}${query({ api })}`, signal), get(world, `${path}/objects${query({ api })}`, signal), get(world, "/uploads", signal)]);
      return { audience, objects, uploads: uploads.filter((each) => String(each.audience) === audience.id && audience.api === "pitchtarget") };
    }, [of]);
  const [status, setStatus] = useState("READY");
  const [size, setSize] = useState("");
  const statuses = useStore((known) => Object.keys(known.overview?.audiences[api] ?? {}).join(","));
  if (error) return html`<h2>Audience ${id}</h2><${Problem} error=${error} />`;
  if (found === null) return html`<p class="quiet" aria-busy="true">Loading…</p>`;
  const { audience, objects, uploads } = found;
  const change = (body, done) => ({ method: "PATCH", path: `${path}${query({ api })}`, body, done });
  const options = [...new Set([...KNOWN_STATUSES, ...statuses.split(",").filter(Boolean)])];
  return html`<h2>${audience.name}</h2>
    <p><${State} status=${audience.status} held=${audience.held_status !== null} /> ${plural(audience.size, "person", "people")} now</p>
    <div class="buttons">
      <${Action} kind="primary" disabled=${audience.status === "READY"} action=${change({ ready_in_s: 0 }, `${audience.name} is built`)}>Make ready now<//>
      ${audience.held_status !== null && html`<${Action} action=${change({ status: null }, "The clock decides again")}>Release the status<//>`}
      <${Action} kind="danger" action=${{ method: "DELETE", path: `${path}${query({ api })}`, undo: true, done: `Deleted ${audience.name}` }}
        onDone=${() => go(world, "audiences", params)}>Delete<//>
    </div>
    <div class="buttons">
      <${Select} label="Hold the status" any=${null} value=${status} options=${options.map((each) => [each, words(each)])} onChange=${setStatus} />
      <${Action} label=${`Hold ${words(status)}`} action=${change({ status }, `${audience.name} stays ${words(status)}`)}>Hold<//>
      <${Field} label="Size once built"><input type="number" min="0" value=${size} placeholder=${audience.people} onInput=${(event) => setSize(event.currentTarget.value)} /><//>
      <${Action} label="Set the size" disabled=${size === ""} action=${() => change({ size: Number(size) }, "The size is set")}>Set<//>
    </div>
    <${Tabs} label="Forms of the audience" tabs=${[
      { name: "facts", title: "Facts", content: () => html`<${Pairs} pairs=${[
        ["id", html`<span class="mono">${audience.id}</span>`], ["account", audience.account], ["type", audience.kind],
        ["people once built", count(audience.people)], ["built by", audience.policy],
        ["ready", html`<${At} unix=${audience.ready_at} />`], ["created", absolute(audience.created_at)], ["updated", absolute(audience.updated_at)],
        ...(audience.facebook_id ? [["Facebook id", audience.facebook_id]] : []),
        ...(audience.customer_list ? [["customer list", html`<a href=${href(world, "lists", { id: audience.customer_list })}>${audience.customer_list}</a>`]] : []),
      ]} />` },
      ...Object.entries(objects).map(([operation, object]) => ({ name: operation, content: () => html`<${JsonBox} value=${object} what=${operation} />` })),
      ...(uploads.length ? [{ name: "uploads", title: "Uploads", content: () => html`<p>${plural(uploads.length, "file")}: ${count(uploads.reduce((sum, each) => sum + each.added, 0))} users. <a href=${href(world, "uploads", { audience: audience.id })}>Show them</a></p>` }] : []),
    ]} />`;
}
