// The customer lists of Pinterest's API.
import { html, useState } from "../vendor/htm-preact.js";
import { get, query } from "../api.js";
import { absolute, count, plural, words } from "../format.js";
import { href } from "../router.js";
import { useData } from "../store.js";
import { Listing, Pairs } from "../listing.js";
import { Action, At, Empty, Field, JsonBox, Problem, Select, State, Tabs } from "../ui.js";

const STATUSES = ["PROCESSING", "READY", "TOO_SMALL", "UPLOADING"].map((each) => [each, words(each)]);
const COLUMNS = [
  { name: "name", title: "name" },
  { name: "list_type", extra: true, title: "type", sort: false, cell: (row) => words(row.list_type) },
  { name: "account", extra: true, title: "account", cell: (row) => html`<span class="mono">${row.account}</span>` },
  { name: "status", title: "status", cell: (row) => html`<${State} status=${row.status} held=${row.held_status !== null} />` },
  { name: "people", title: "people", number: true, cell: (row) => count(row.people) },
  { name: "batches", extra: true, title: "batches", sort: false, number: true, cell: (row) => count(row.batches) },
  { name: "ready_at", extra: true, title: "ready", cell: (row) => html`<${At} unix=${row.ready_at} />` },
  { name: "created_at", extra: true, title: "created", cell: (row) => html`<${At} unix=${row.created_at} />` },
];

export default function Lists({ world, id, params }) {
  const filters = (set) => html`
    <${Select} label="Status" value=${params.status} options=${STATUSES} onChange=${(status) => set({ status })} />
    <${Field} label="Account"><input size="14" value=${params.account ?? ""} placeholder="any" onChange=${(event) => set({ account: event.currentTarget.value.trim() })} /><//>`;
  return html`<h1>Customer lists</h1><${Listing} world=${world} view="lists" id=${id} params=${params} columns=${COLUMNS} noun="customer list"
    names=${["text", "status", "account"]} filters=${filters} keyOf=${(row) => row.id} titleOf=${(row) => row.name}
    load=${async (wanted, signal) => {
      const found = await get(world, `/customer-lists${query(wanted)}`, signal);
      return { rows: found.customer_lists, total: found.total };
    }}
    empty=${html`<${Empty} title="No customer list yet"><p>Lists that a client creates with Pinterest's <code>customer_lists/create</code> appear here, with what their uploads added and removed.</p><//>`}
    detail=${(key) => html`<${Detail} key=${key} world=${world} id=${key} />`} />`;
}

function Detail({ world, id }) {
  const path = `/customer-lists/${encodeURIComponent(id)}`;
  const { value: found, error } = useData(async (signal) => {
    const [list, { objects }, { list_uploads: uploads }] = await Promise.all([get(world, path, signal), get(world, `${path}/objects`, signal), get(world, "/uploads", signal)]);
    return { list, objects, uploads: uploads.filter((each) => each.customer_list === id) };
  }, [id]);
  const [status, setStatus] = useState("READY");
  if (error) return html`<h2>Customer list ${id}</h2><${Problem} error=${error} />`;
  if (found === null) return html`<p class="quiet" aria-busy="true">Loading…</p>`;
  const { list, objects, uploads } = found;
  const change = (body, done) => ({ method: "PATCH", path, body, done });
  return html`<h2>${list.name}</h2>
    <p><${State} status=${list.status} held=${list.held_status !== null} /> ${plural(list.people, "matched person", "matched people")}</p>
    <div class="buttons">
      <${Action} kind="primary" disabled=${list.status === "READY"} action=${change({ ready_in_s: 0 }, `${list.name} is built`)}>Make ready now<//>
      ${list.held_status !== null && html`<${Action} action=${change({ status: null }, "The clock decides again")}>Release the status<//>`}
      <${Select} label="Hold the status" any=${null} value=${status} options=${STATUSES} onChange=${setStatus} />
      <${Action} label=${`Hold ${words(status)}`} action=${change({ status }, `${list.name} stays ${words(status)}`)}>Hold<//>
    </div>
    <${Tabs} label="Forms of the customer list" tabs=${[
      { name: "facts", title: "Facts", content: () => html`<${Pairs} pairs=${[
        ["id", html`<span class="mono">${list.id}</span>`], ["account", list.account], ["type", list.list_type], ["batches", count(list.batches)],
        ["uploaded records", count(list.uploaded_records)], ["removed records", count(list.removed_records)],
        ["ready", html`<${At} unix=${list.ready_at} />`], ["created", absolute(list.created_at)], ["updated", absolute(list.updated_at)],
        ["uploads", uploads.length ? html`<a href=${href(world, "uploads")}>${plural(uploads.length, "upload")}</a>` : "none"],
      ]} />` },
      ...Object.entries(objects).map(([operation, object]) => ({ name: operation, content: () => html`<${JsonBox} value=${object} what=${operation} />` })),
    ]} />`;
}
