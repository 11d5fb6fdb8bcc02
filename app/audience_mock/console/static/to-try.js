// The faults that the calls in the journal may meet, as a sweep tries them: each is planned by one click.
import { html, useState } from "./vendor/htm-preact.js";
import { get, literal, query } from "./api.js";
import { plural } from "./format.js";
import { href } from "./router.js";
import { useData } from "./store.js";
import { Action, Empty, Problem, Select } from "./ui.js";

const KINDS = ["answer-lost", "reset", "500", "429", "stalled", "truncated", "stale-token", "slow"];
const SHOWN = 10, ALL = 400;

export function planAction(body) {
  const { operation, ...more } = body;
  const python = `faults.add(${[literal(operation), ...Object.entries(more).map(([name, value]) => `${name}=${literal(value)}`)].join(", ")})`;
  return { method: "POST", path: "/faults", body, python, done: ({ ids }) => `Planned ${ids.join(", ")}` };
}

export function ToTry({ world }) {
  const [kinds, setKind] = useState(undefined);
  const [after, setAfter] = useState(undefined);
  const [limit, setLimit] = useState(SHOWN);
  const path = `/sweep${query({ kinds, after, limit })}`;
  const { value, error } = useData((signal) => get(world, path, signal), [world, path]);
  return html`<section aria-labelledby="to-try"><h2 id="to-try">To try</h2>
    <p class="quiet">What each call in the journal may meet, the likeliest to find something first. Run the job, plan a fault, and run the job again: the fault counts calls from when it is planned. <code>audience-mock sweep</code> tries all of them.</p>
    ${error?.status === 409 ? html`<p class="quiet">${error.message}</p>` : html`<${Problem} error=${error} />`}
    ${value && html`<div class="filters">
        <${Select} label="Kind" value=${kinds} options=${KINDS} onChange=${setKind} />
        ${after === undefined ? html`<button disabled=${value.calls.length === 0} onClick=${() => setAfter(value.calls.at(-1).number)}>Later calls only</button>`
          : html`<button onClick=${() => setAfter(undefined)}>All calls</button>`}
        ${value.total > SHOWN && html`<button onClick=${() => setLimit(limit === SHOWN ? ALL : SHOWN)}>${limit === SHOWN ? "Show more" : "Show fewer"}</button>`}
      </div>
      <p class="quiet" role="status">${plural(value.cases.length, "case")} of ${value.total} for ${plural(value.calls.length, "call")}${after === undefined ? "" : ` after request ${after}`}.
        ${value.dropped > 0 && html` The journal has dropped ${plural(value.dropped, "older request")}, so calls are counted wrongly.`}</p>
      ${value.cases.length === 0 ? html`<${Empty} title="No call yet"><p>Run a job against this world, and its calls are here.</p><//>`
        : html`<table class="stacks"><thead><tr>${["call", "operation", "fault", "what happens", ""].map((title) => html`<th scope="col">${title}</th>`)}</tr></thead>
          <tbody>${value.cases.map((one) => html`<${Case} key=${one.name} one=${one} call=${value.calls[one.call - 1]} world=${world} />`)}</tbody></table>`}`}
  </section>`;
}

const Case = ({ one, call, world }) => html`<tr>
  <td data-title="call "><a href=${href(world, "requests", { id: call.number })} aria-label=${`Call ${one.call}`}>${one.call}</a></td>
  <td>${one.operation}${call.occurrence > 1 && html`<small class="quiet">, call ${call.occurrence} of it</small>`}</td>
  <td><span class="badge fault">${one.kind}</span></td><td>${one.effect}</td>
  <td><${Action} kind="small" label=${`Plan ${one.name}`} action=${planAction(one.fault)}>Plan<//></td></tr>`;
