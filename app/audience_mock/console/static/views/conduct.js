// The conduct report: which rules the client broke, by which requests, and the rules themselves.
import { html } from "../vendor/htm-preact.js";
import { get, literal, query } from "../api.js";
import { count, plural } from "../format.js";
import { href, replace } from "../router.js";
import { useData } from "../store.js";
import { Empty, Problem, Select, showCode } from "../ui.js";

const STATES = { error: "failed", warning: "small" };
const GRADES = { invented: "chosen" };

export default function Conduct({ world, params }) {
  const { select = "", ignore = "" } = params;
  const path = `/conduct${query({ select, ignore })}`;
  const { value, error } = useData((signal) => get(world, path, signal), [world, path]);
  const rules = useData((signal) => get(world, "/conduct/rules", signal), [world], { live: false }).value?.rules ?? [];
  const choose = (change) => replace(world, "conduct", { select, ignore, ...change });
  const python = `conduct(${[select && `select=${literal(select)}`, ignore && `ignore=${literal(ignore)}`].filter(Boolean).join(", ")})`;
  return html`<h1>Conduct</h1>
    <p class="lead">What the requests in the journal say of the client that sent them: pauses, retries, polling, pages, tokens and bodies. Pauses are those of the world's clock. While it stands still, only the wait that a 429 asks for is judged.</p>
    <div class="filters">
      <${Select} label="Severity" value=${select} options=${["error", "warning"]} onChange=${(chosen) => choose({ select: chosen })} />
      ${ignore && html`<button onClick=${() => choose({ ignore: "" })}>Show ignored (${ignore.split(",").join(", ")})</button>`}
      <button onClick=${() => showCode("The report", { method: "GET", path, python })}>As curl and Python</button>
    </div>
    <${Problem} error=${error} />
    ${value && html`<section aria-labelledby="findings"><h2 id="findings">Findings</h2>
      <p class="quiet" role="status">${plural(value.findings.length, "finding")} in ${plural(value.checked, "request")}, by ${plural(value.rules.length, "rule")}.
        ${value.dropped > 0 && html` ${plural(value.dropped, "older request")} dropped.`}</p>
      ${value.findings.length === 0 ? html`<${Empty} title="Nothing to find"><p>${value.checked ? "The requests break none of these rules." : "The journal has no request yet. Send some, and see here what their client could do better."}</p><//>`
        : html`<ul class="findings">${value.findings.map((each) => html`<${Finding} key=${`${each.rule} ${each.api} ${each.operation}`} finding=${each} world=${world}
            onIgnore=${() => choose({ ignore: [ignore, each.rule].filter(Boolean).join(",") })} />`)}</ul>`}
    </section>`}
    ${rules.length > 0 && html`<section aria-labelledby="rules"><h2 id="rules">Rules</h2>
      <div class="scroll" tabindex="0" role="region" aria-label="Table of rules"><table class="wide-table rules stacks">
        <thead><tr>${["rule", "severity", "what is wrong", "rests on", "thresholds"].map((title) => html`<th scope="col">${title}</th>`)}</tr></thead>
        <tbody>${rules.map((rule) => html`<tr key=${rule.id}><td><b>${rule.id}</b><br /><small>${rule.name}</small></td><td><${Severity} of=${rule} /></td>
          <td class="wrap">${rule.summary}</td>
          <td class="wrap" data-title="rests on">${rule.evidence.map((one) => html`<div key=${one.api}>${one.api && html`<b>${one.api}:</b> `}${GRADES[one.grade] ?? one.grade}, <small>${one.rule ? `${one.rule} (${one.source})` : one.source.replace(/^chosen: /, "")}</small></div>`)}</td>
          <td class="wrap" data-title=${rule.options.length ? "thresholds" : null}>${rule.options.map((one) => html`<div key=${one.name}><code>${one.name}=${one.default}</code></div>`)}</td></tr>`)}
        </tbody></table></div></section>`}`;
}

const Severity = ({ of }) => html`<span class=${`state ${STATES[of.severity]}`}>${of.severity}</span>`;

function Finding({ finding, world, onIgnore }) {
  return html`<li class="finding" aria-label=${finding.rule}>
    <h3><${Severity} of=${finding} /> ${finding.rule} ${finding.name}</h3>
    <p>${finding.message}</p>
    <p><b>Do:</b> ${finding.fix}.</p>
    <p class="quiet">${finding.operation} · ${finding.count > 1 ? `${count(finding.count)} times · ` : ""}${finding.requests.length === 1 ? "request" : "requests"}
      ${finding.requests.map((number) => html` <a key=${number} href=${href(world, "requests", { id: number })}>${number}</a>`)}
      <button class="small" onClick=${onIgnore} aria-label=${`Ignore ${finding.rule}`}>Ignore</button></p>
  </li>`;
}
