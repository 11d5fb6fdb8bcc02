// The difference between this world and another.
import { html } from "../vendor/htm-preact.js";
import { get } from "../api.js";
import { count } from "../format.js";
import { replace } from "../router.js";
import { useData, useStore } from "../store.js";
import { Empty, Problem, Select } from "../ui.js";

const SHOWN = 100;

export default function Compare({ world, params }) {
  const worlds = useStore((known) => known.worlds).filter((name) => name !== world);
  const other = params.with ?? worlds[0];
  const { value, error } = useData(async (signal) => (other ? get("default", `/worlds/${encodeURIComponent(world)}/diff/${encodeURIComponent(other)}`, signal) : null), [world, other]);
  return html`<h1>Compare</h1><${Problem} error=${error} />
    ${worlds.length === 0 ? html`<${Empty} title="There is no other world"><p>Fork this world in the menu beside its name, change one of the two, and see here what differs.</p><//>`
      : html`<div class="filters"><${Select} label=${`What changes from ${world} to`} any=${null} value=${other} options=${worlds} onChange=${(name) => replace(world, "compare", { with: name })} /></div>
      ${value && (Object.keys(value).length === 0 ? html`<p>Both hold the same data.</p>` : Object.entries(value).map(([section, diff]) => html`<section key=${section} aria-label=${section}>
        <h2>${section.replaceAll("_", " ")} <small>${Object.entries(diff.counts).map(([what, number]) => `${count(number)} ${what}`).join(", ")}</small></h2>
        <ul class="mono">
          ${(diff.added ?? []).map((row, index) => html`<li key=${`a${index}`}><ins>+ ${JSON.stringify(row)}</ins></li>`)}
          ${(diff.removed ?? []).map((row, index) => html`<li key=${`r${index}`}><del>− ${JSON.stringify(row)}</del></li>`)}
          ${(diff.changed ?? []).map(({ fields, ...row }, index) => html`<li key=${`c${index}`}>${JSON.stringify(row)}<ul>${Object.entries(fields ?? {}).map(([name, change]) => html`<li key=${name}>  ${name}: <del>${JSON.stringify(change.from)}</del> → <ins>${JSON.stringify(change.to)}</ins></li>`)}</ul></li>`)}
        </ul>
        ${Object.values(diff.counts).some((number) => number > SHOWN) && html`<p class="quiet">The first ${SHOWN} of each.</p>`}</section>`))}`}`;
}
