// What the hash linter finds in the newest uploads: wrong hashing is no error to an API, it only matches nobody.
import { html } from "../vendor/htm-preact.js";
import { get } from "../api.js";
import { count, plural } from "../format.js";
import { href } from "../router.js";
import { useData } from "../store.js";
import { At, Copy, Empty, Problem } from "../ui.js";

const COMMAND = "audience-mock lint FILE";

export default function Lint({ world }) {
  const { value, error } = useData((signal) => get(world, "/lint", signal), [world]);
  if (value === null) return html`<h1>Lint</h1><${Problem} error=${error} />${!error && html`<p class="quiet" aria-busy="true">Loading…</p>`}`;
  const wrong = value.reports.filter((report) => report.findings.length > 0).length;
  return html`<h1>Lint</h1><${Problem} error=${error} />
    <p class="lead">What the values in the newest 20 uploads really are: plain text, another algorithm, the hash of a value with its line end, of a hash, of nothing. Values of the fictional people that are included are recognized exactly, others by their shape. A file of your own: <code>${COMMAND}</code> <${Copy} text=${COMMAND} what="the command" /></p>
    ${value.reports.length === 0
      ? html`<${Empty} title="No upload yet"><p>A file of users that a client uploads to PitchTarget's API, or records of a customer list of Pinterest's, are linted here. The first 64 KiB of each are looked at.</p><//>`
      : html`<p role="status">${wrong ? `${plural(wrong, "upload")} of ${count(value.reports.length)} with findings` : `No findings in ${plural(value.reports.length, "upload")}`}</p>
        <div class="stack">${value.reports.map((report, place) => html`<${Report} key=${place} world=${world} report=${report} />`)}</div>`}`;
}

function Report({ world, report }) {
  const { audience, findings } = report;
  const where = audience === null
    ? html`customer list <a href=${href(world, "lists", { id: report.customer_list })}>${report.customer_list}</a>`
    : html`audience <a href=${href(world, "audiences", { id: `pitchtarget:${audience}` })}>${audience}</a>`;
  return html`<section class="card" aria-label=${`${report.type} of ${audience === null ? `customer list ${report.customer_list}` : `audience ${audience}`}`}>
    <p><b>${report.type}</b> to ${where}, <${At} unix=${report.received_at} /> · ${report.whole ? plural(report.values, "value") : `the first ${plural(report.values, "value")}`}
      ${findings.length === 0 && html` <span class="state ready">no findings</span>`}</p>
    ${findings.length > 0 && html`<div class="scroll" tabindex="0" role="region" aria-label="Findings"><table>
      <thead><tr><th scope="col" class="number">values</th><th scope="col">what they are</th><th scope="col">change</th><th scope="col">first</th></tr></thead>
      <tbody>${findings.map((finding) => html`<tr key=${finding.codes.join()}>
        <td class="number">${count(finding.count)}</td>
        <td>${finding.what}${finding.recognized > 0 && html`<br /><small class="quiet">${count(finding.recognized)} recognized</small>`}</td>
        <td>${finding.change}</td>
        <td>${finding.first.map(({ line, value }) => html`<div key=${line}><span class="quiet">line ${count(line)}</span> ${value && html`<code>${value}</code>`}</div>`)}</td></tr>`)}
      </tbody></table></div>`}
  </section>`;
}
