// The contract diff: which calls of this world another version of an API answers otherwise, field by field.
import { html, useState } from "../vendor/htm-preact.js";
import { get, literal, query } from "../api.js";
import { plural } from "../format.js";
import { href, replace } from "../router.js";
import { useData } from "../store.js";
import { Action, Empty, Problem, Select, showCode } from "../ui.js";

const GRADES = { invented: "chosen" };

export default function Contract({ world, params }) {
  const { value, error } = useData((signal) => get(world, "/contract-diff/versions", signal), [world]);
  const known = value && (value.apis.find(({ api }) => api === params.api) ?? value.apis[0]);
  return html`<h1>Contract diff</h1>
    <p class="lead">Which calls of this world another version of an API answers otherwise. They are replayed under both versions, beside this world, at the same times and with the same ids.</p>
    <${Problem} error=${error} />
    ${value && (value.why_not_recorded === null
      ? html`<${Chosen} key=${world} world=${world} apis=${value.apis.map(({ api }) => api)} known=${known} from=${params.from ?? known.current} to=${params.to ?? known.versions.at(-1)} />`
      : html`<${Empty} title="This world is not recorded"><p>${value.why_not_recorded}</p>
          <p><${Action} kind="primary" action=${{ method: "PATCH", path: `/worlds/${encodeURIComponent(world)}`, body: { settings: { record: true } }, python: "configure(record=True)", done: "Calls are recorded from now on" }}>Record this world<//></p><//>`)}`;
}

// Not compared again with each request: it replays all of them.
function Chosen({ world, apis, known, from, to }) {
  const [times, again] = useState(0);
  const path = `/contract-diff${query({ api: known.api, from, to })}`;
  const { value, error } = useData(async (signal) => ({ path, times, report: await get(world, path, signal) }), [world, path, times], { live: false });
  const choose = (change) => replace(world, "contract-diff", { api: known.api, from, to, ...change });
  const versions = [...new Set([known.current, ...known.versions])];
  const busy = !error && (value?.path !== path || value.times !== times);
  const python = `contract_diff(${[literal(to), `from_=${literal(from)}`, `api=${literal(known.api)}`].join(", ")})`;
  return html`<div class="filters">
      <${Select} label="API" any=${null} value=${known.api} options=${apis} onChange=${(api) => replace(world, "contract-diff", { api })} />
      <${Select} label="From" any=${null} value=${from} options=${versions} onChange=${(chosen) => choose({ from: chosen })} />
      <${Select} label="To" any=${null} value=${to} options=${versions} onChange=${(chosen) => choose({ to: chosen })} />
      <button onClick=${() => again(times + 1)}>Compare again</button>
      <button onClick=${() => showCode("The comparison", { method: "GET", path, python })}>As curl and Python</button>
    </div>
    <${Problem} error=${error} />
    ${busy ? html`<p class="quiet" aria-busy="true">Comparing…</p>` : value && html`<${Report} report=${value.report} world=${world} />`}`;
}

function Report({ report, world }) {
  const { calls, different, from, to } = report;
  const numbered = (numbers) => numbers.map((number) => html` <a key=${number} href=${href(world, "requests", { id: number })}>${number}</a>`);
  return html`<section aria-labelledby="differences"><h2 id="differences">Differences</h2>
    <p role="status">${different.length} of ${plural(calls, "call")} answered otherwise by ${report.api} ${to} than by ${from}.</p>
    ${report.stopped && html`<p class="problem" role="alert">Not all was compared: ${report.stopped}.</p>`}
    ${report.other_version.length > 0 && html`<p class="quiet">Made under another version than ${from}:${numbered(report.other_version)}</p>`}
    ${report.replayed_otherwise.length > 0 && html`<p class="quiet">Answered otherwise in the replay than when they were made:${numbered(report.replayed_otherwise)}</p>`}
    ${different.length === 0 ? html`<${Empty} title="No difference"><p>${calls ? "Both versions answer these calls alike." : "The world has recorded no call yet. Send some, and compare again."}</p><//>`
      : html`<div class="scroll" tabindex="0" role="region" aria-label="Table of differences"><table class="wide-table rules">
        <thead><tr>${["operation", "place", `in ${from}`, `in ${to}`, "requests", "what is known"].map((title) => html`<th scope="col">${title}</th>`)}</tr></thead>
        <tbody>${report.operations.flatMap(({ operation, differences }) => differences.map((each) => html`<tr key=${`${operation} ${each.place} ${each.follows_from}`}>
          <td class="wrap"><b>${operation}</b></td><td class="mono wrap">${each.place}</td>
          <td class="mono wrap" data-title=${`in ${from}`}> ${shown(each, "added", each.first.before)}</td><td class="mono wrap" data-title=${`in ${to}`}> ${shown(each, "removed", each.first.after)}</td>
          <td class="wrap" data-title="requests">${numbered(each.calls)}</td>
          <td class="wrap" data-title="what is known"><${Known} difference=${each} world=${world} /></td></tr>`))}
        </tbody></table></div>`}
  </section>`;
}

const shown = ({ change }, absent, value) => (change === absent ? "—" : JSON.stringify(value));

function Known({ difference: { facts, follows_from: origin }, world }) {
  if (origin !== null) return html`<div>follows from request <a href=${href(world, "requests", { id: origin })}>${origin}</a>, which made this under one version alone</div>`;
  if (facts.length === 0) return html`<span class="quiet">nothing that explains it</span>`;
  return facts.map((fact) => html`<div key=${fact.fact}>since ${fact.since}: ${fact.fact} <small>(${GRADES[fact.grade] ?? fact.grade}: ${fact.source})</small></div>`);
}
