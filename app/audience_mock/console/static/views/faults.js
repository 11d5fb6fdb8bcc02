// Planned faults, and a form for each kind.
import { html, useState } from "../vendor/htm-preact.js";
import { get, literal } from "../api.js";
import { count, duration, plural } from "../format.js";
import { useData, useStore } from "../store.js";
import { planAction, ToTry } from "../to-try.js";
import { Action, Code, Empty, Field, Problem, Select } from "../ui.js";
import { actionAsCurl, actionAsPython } from "../api.js";

// Each kind: its name in the control API, its title, its input, and what it does.
const EFFECTS = [
  ["status", "Answer an error", { type: "number", min: 400, max: 599, value: "429" }, "The API's own error of this status; the operation does not run."],
  ["limit_window_s", "Rate limit window", { type: "number", min: 0.001, step: "any", value: "60" }, "429 from the first matching call on, for so many seconds of the world's clock."],
  ["latency_ms", "Only a delay", null, "Slow, but otherwise as usual: set the delay below."],
  ["reset", "Reset the connection", { options: ["before", "in", "after"] }, "Before the operation runs, in the middle of the answer, or after it."],
  ["cut_after_bytes", "Cut the answer short", { type: "number", min: 0, value: "100" }, "Closes the connection after these bytes of the body."],
  ["stall", "Stall", { options: ["before", "in"] }, "Sends nothing, or stops in the middle of the body."],
  ["content_type", "Wrong content type", { type: "text", value: "text/html" }, "The answer claims this type."],
  ["garbage", "Garbage", null, "A body that is neither JSON nor UTF-8."],
  ["effect_lost", "Lose the effect", null, "Answers as usual, but stores nothing."],
  ["answer_lost", "Lose the answer", null, "Runs the operation, then closes the connection."],
  ["stale_token", "Make the token stale", null, "401 for the call and every later one with its token; another token works."],
];

export default function Faults({ world, params }) {
  const { value, error } = useData((signal) => get(world, "/faults", signal), [world]);
  return html`<h1>Faults</h1><${Problem} error=${error} />
    <${Form} key=${JSON.stringify(params)} params=${params} />
    <section aria-labelledby="planned"><h2 id="planned">Planned</h2>
    ${value && (value.faults.length === 0
      ? html`<${Empty} title="Nothing goes wrong"><p>Plan a fault above, and the calls that it applies to fail as planned: each says how often it fired. A fault that never fires is a test that tests nothing, so the navigation counts the unused ones.</p><//>`
      : html`<div class="buttons"><span>${plural(value.faults.length, "fault")}, ${count(value.unused.length)} unused</span>
          <${Action} kind="small danger" action=${{ method: "DELETE", path: "/faults", python: "faults.clear()", done: "Removed all faults" }}>Remove all<//></div>
        <div class="scroll" tabindex="0" role="region" aria-label="Planned faults"><table class="wide-table"><thead><tr>${["fault", "operation", "effect", "which calls", "fired", "left", ""].map((title) => html`<th scope="col">${title}</th>`)}</tr></thead>
          <tbody>${value.faults.map((fault) => html`<tr key=${fault.id} class=${fault.used ? "used" : ""}>
            <td><span class="badge fault">${fault.id}</span></td><td>${fault.operation}</td><td class="wrap">${effectOf(fault)}</td><td class="wrap">${callsOf(fault)}</td>
            <td class="num">${count(fault.fired)} of ${plural(fault.seen, "call")}</td>
            <td class="num">${fault.window_left_s > 0 ? `window for ${duration(fault.window_left_s)}` : fault.left === null ? "no limit" : fault.left === 0 ? "used up" : count(fault.left)}</td>
            <td><${Action} kind="small" label=${`Remove ${fault.id}`} action=${{ method: "DELETE", path: `/faults/${encodeURIComponent(fault.id)}`, python: `faults.remove(${literal(fault.id)})`, done: `Removed ${fault.id}` }}>Remove<//></td></tr>`)}</tbody></table></div>`)}
    </section>
    <${ToTry} world=${world} />`;
}

function effectOf(fault) {
  const parts = EFFECTS.filter(([name]) => name !== "latency_ms" && fault[name] !== undefined && fault[name] !== null)
    .map(([name, title]) => (fault[name] === true ? title.toLowerCase() : `${title.toLowerCase()}: ${fault[name]}`));
  const latency = fault.latency_ms;
  if (latency !== undefined && latency !== null) {
    const { from, to } = typeof latency === "object" ? latency : { from: latency, to: latency };
    parts.push(`${from === to ? from : `${from} to ${to}`} ms later`);
  }
  return parts.join(", ");
}

function callsOf(fault) {
  const parts = [];
  if (fault.match && Object.keys(fault.match).length) parts.push(`that match ${JSON.stringify(fault.match)}`);
  if (fault.skip) parts.push(`after the first ${count(fault.skip)}`);
  if (fault.every > 1) parts.push(`every ${count(fault.every)}th`);
  if (fault.chance !== undefined && fault.chance < 1) parts.push(`${Math.round(fault.chance * 100)} % of them`);
  if (fault.first) parts.push(`${plural(fault.first, "time")} at most`);
  return parts.join(", ") || "all";
}

function Form({ params }) {
  const apis = useStore((known) => known.overview?.apis ?? []);
  const [form, set] = useState({ operation: "audiences/list", kind: "status", value: params.status ?? "429", first: "1", skip: "", every: "", chance: "", latency: "", match: "", ...(params.operation ? { operation: params.operation, match: params.match ?? "" } : {}) });
  const [error, setError] = useState(null);
  const change = (changes) => set((old) => ({ ...old, ...changes }));
  const typed = (name) => ({ value: form[name], onInput: (event) => change({ [name]: event.currentTarget.value }) });
  const [, , input, help] = EFFECTS.find(([name]) => name === form.kind);
  const { body, problem } = bodyOf(form, input);
  const action = planAction(body);
  const world = useStore((known) => known.world);
  const choose = (kind) => {
    const [, , of] = EFFECTS.find(([name]) => name === kind);
    change({ kind, value: of?.value ?? of?.options?.[0] ?? "" });
  };
  return html`<section aria-labelledby="plan"><h2 id="plan">Plan a fault</h2>
    <div class="form">
      <label class="field"><span>Operation</span><select aria-label="Operation" value=${form.operation} onChange=${(event) => change({ operation: event.currentTarget.value })}>
        <option value="*" selected=${form.operation === "*"}>all operations</option>
        ${apis.map((api) => html`<optgroup key=${api.name} label=${api.name}>${api.operations.map((each) => html`<option key=${each} value=${each} selected=${each === form.operation}>${each}</option>`)}</optgroup>`)}
      </select></label>
      <${Select} label="What goes wrong" any=${null} value=${form.kind} options=${EFFECTS.map(([name, title]) => [name, title])} onChange=${choose} />
      ${input?.options ? html`<${Select} label="When" any=${null} value=${form.value} options=${input.options} onChange=${(value) => change({ value })} />`
        : input && html`<${Field} label=${form.kind}><input type=${input.type} min=${input.min} max=${input.max} step=${input.step} ...${typed("value")} /><//>`}
      <${Field} label="Times at most"><input type="number" min="1" placeholder="no limit" ...${typed("first")} /><//>
      <${Field} label="Calls to let pass first"><input type="number" min="0" placeholder="0" ...${typed("skip")} /><//>
      <${Field} label="Every n-th call"><input type="number" min="1" placeholder="1" ...${typed("every")} /><//>
      <${Field} label="Share of calls"><input type="number" min="0" max="1" step="any" placeholder="1" ...${typed("chance")} /><//>
      <${Field} label="Delay in ms"><input type="number" min="0" max="60000" placeholder="0" ...${typed("latency")} /><//>
      <label class="field whole"><span>Only calls that match (JSON, a part of the request)</span><textarea rows="2" spellcheck="false" placeholder=${'{"path_params": {"ad_account_id": "549755885175"}}'} ...${typed("match")}></textarea></label>
    </div>
    <p class="quiet">${help}</p>
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    <div class="buttons"><${Action} kind="primary" disabled=${Boolean(problem)} action=${action} onDone=${() => setError(null)}>Plan it<//></div>
    <details><summary>As a call</summary><${Code} text=${actionAsCurl(world, action)} what="curl" /><br /><${Code} text=${actionAsPython(world, action)} what="Python" /></details>
    <${Problem} error=${error} /></section>`;
}

function bodyOf(form, input) {
  const body = { operation: form.operation };
  if (form.kind !== "latency_ms") body[form.kind] = input === null ? true : input.type === "number" ? Number(form.value) : form.value;
  for (const [name, field] of [["first", "first"], ["skip", "skip"], ["every", "every"], ["chance", "chance"], ["latency_ms", "latency"]]) {
    if (form[field] !== "") body[name] = Number(form[field]);
  }
  let problem = null;
  if (form.kind === "latency_ms" && form.latency === "") problem = "Give a delay.";
  if (form.match.trim()) {
    try {
      body.match = JSON.parse(form.match);
    } catch (error) {
      problem = `The match is not JSON: ${error.message}`;
    }
  }
  return { body, problem };
}
