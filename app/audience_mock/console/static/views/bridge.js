// What a move of this world's audiences to the other API keeps, changes and loses.
import { html } from "../vendor/htm-preact.js";
import { get } from "../api.js";
import { count, plural } from "../format.js";
import { replace } from "../router.js";
import { useData, useStore } from "../store.js";
import { Empty, Problem, Select } from "../ui.js";

const SHOWN = 100;
const MARKS = { kept: "", changed: "changed", lost: "bad" };

export default function Bridge({ world, params }) {
  const apis = useStore((known) => known.overview?.apis ?? []).map((api) => api.name);
  const query = params.source ? `&source=${encodeURIComponent(params.source)}` : "";
  const { value, error } = useData((signal) => get(world, `/bridge?limit=${SHOWN}${query}`, signal), [world, query]);
  return html`<h1>Bridge</h1><${Problem} error=${error} />
    ${value && html`
      <div class="filters"><${Select} label="Move from" any=${null} value=${value.source} options=${apis} onChange=${(name) => replace(world, "bridge", { source: name })} /><span>to ${value.target}</span></div>
      <${Report} report=${value} />`}`;
}

function Report({ report }) {
  const all = report.audiences.moved + report.audiences.lost;
  if (all === 0) return html`<${Empty} title=${`No audiences of ${report.source}`}><p>Create one with that API, and see here what a move would keep.</p><//>`;
  return html`
    <p>${count(report.audiences.moved)} of ${plural(all, "audience")} moved; of their fields ${count(report.fields.kept)} kept, ${count(report.fields.changed)} changed, ${count(report.fields.lost)} lost.</p>
    ${report.losses.length > 0 && html`<section aria-label="Losses"><h2>What is changed or lost</h2><div class="scroll" tabindex="0" role="region" aria-label="Losses by rule"><table class="wide-table">
      <thead><tr>${["audiences", "field", "outcome", "why", "evidence"].map((title) => html`<th scope="col">${title}</th>`)}</tr></thead>
      <tbody>${report.losses.map((loss) => html`<tr key=${`${loss.field} ${loss.why}`}><td class="number">${count(loss.audiences)}</td><td>${loss.field.replaceAll("_", " ")}</td>
        <td><${Outcome} of=${loss.outcome} /></td><td class="wrap">${loss.when && html`<em>${loss.when}: </em>`}${loss.why}</td><td class="wrap quiet">${loss.grade}: ${loss.source}</td></tr>`)}</tbody></table></div></section>`}
    ${report.not_moved.map((rest) => html`<p key=${rest.section} class="quiet">${rest.section.replaceAll("_", " ")}: ${count(rest.rows)} not moved: ${rest.why}</p>`)}
    ${report.items.map((item) => html`<${Item} key=${item.id} item=${item} source=${report.source} target=${report.target} />`)}
    ${report.items.length < all && html`<p class="quiet">The first ${plural(report.items.length, "audience")}.</p>`}`;
}

function Item({ item, source, target }) {
  return html`<section aria-label=${item.name}>
    <h2>${item.name} <small>${item.kind} ${item.id} → ${item.becomes ? `${item.becomes.kind} ${item.becomes.id}` : "not moved"}</small></h2>
    ${item.becomes === null ? html`<p>${item.fields[0].why} <span class="quiet">(${item.fields[0].grade}: ${item.fields[0].source})</span></p>`
      : html`<div class="scroll" tabindex="0" role="region" aria-label=${`Fields of ${item.name}`}><table class="wide-table"><thead><tr>${["outcome", `in ${source}`, "value", `in ${target}`, "becomes", "why"].map((title) => html`<th scope="col">${title}</th>`)}</tr></thead>
        <tbody>${item.fields.map((field) => html`<tr key=${field.field} title=${`${field.grade}: ${field.source}`}><td><${Outcome} of=${field.outcome} /></td>
          <td>${field.from || field.field.replaceAll("_", " ")}</td><td class="mono wrap">${shown(field.value)}</td>
          <td class="wrap">${field.to}</td><td class="mono">${field.becomes === null ? "" : shown(field.becomes)}</td><td class="wrap">${field.why}</td></tr>`)}
        ${item.needs.map((need) => html`<tr key=${need.name} title=${`${need.grade}: ${need.source}`}><td><span class="badge fault">needed</span></td><td></td><td></td><td>${need.name}</td><td></td><td class="wrap">${need.why}</td></tr>`)}</tbody></table></div>`}
  </section>`;
}

const Outcome = ({ of }) => html`<span class=${`badge ${MARKS[of]}`}>${of}</span>`;

function shown(value) {
  if (value && typeof value === "object" && "count" in value && "sha256" in value) return plural(value.count, "user");
  return typeof value === "string" ? value : JSON.stringify(value);
}
