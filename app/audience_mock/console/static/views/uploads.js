// What was uploaded: files of users, and files in parts to customer lists.
import { html } from "../vendor/htm-preact.js";
import { get } from "../api.js";
import { absolute, bytes, count, plural } from "../format.js";
import { href, replace } from "../router.js";
import { Bars, Steps } from "../plots.js";
import { useData, worldNow } from "../store.js";
import { At, Empty, Problem, Select, State } from "../ui.js";

const PARTS = [["valid", "valid"], ["duplicate", "duplicate"], ["invalid", "invalid"]];

export default function Uploads({ world, params }) {
  const { value, error } = useData(async (signal) => {
    const [found, { audiences }] = await Promise.all([get(world, "/uploads", signal), get(world, "/audiences?api=pitchtarget&kind=CUSTOM&limit=1000", signal)]);
    return { ...found, audiences: Object.fromEntries(audiences.map((each) => [each.id, each])) };
  }, [world]);
  if (value === null) return html`<h1>Uploads</h1><${Problem} error=${error} />`;
  // Oldest first, as plots read.
  const files = [...value.uploads].reverse();
  const withFiles = [...new Set(files.map((each) => String(each.audience)))];
  const audience = params.audience ?? withFiles.at(-1);
  const shown = params.audience ? value.uploads.filter((each) => String(each.audience) === params.audience) : value.uploads;
  const nameOf = (id) => value.audiences[id]?.name ?? id;
  return html`<h1>Uploads</h1><${Problem} error=${error} />
    <section aria-labelledby="files"><h2 id="files">Files of users</h2>
    ${files.length === 0 ? html`<${Empty} title="No file yet"><p>A file that a client uploads to PitchTarget's <code>custom_audiences</code> is read line by line. Here is how many were valid, duplicates or wrong, and why the first wrong ones were.</p><//>`
      : html`<div class="filters"><${Select} label="Audience" any="all audiences" value=${params.audience} options=${withFiles.map((id) => [id, nameOf(id)])} onChange=${(id) => replace(world, "uploads", { audience: id })} /></div>
        <div class="columns">
          <div><${Bars} title="Lines of each upload" parts=${PARTS} axis=${["oldest", "newest"]}
            bars=${[...shown].reverse().slice(-60).map((each) => ({ label: `${nameOf(each.audience)}, ${absolute(each.received_at_ms / 1000)}`, parts: { valid: each.distinct, duplicate: each.duplicate, invalid: each.invalid } }))} /></div>
          <div><${Steps} title=${`People of ${nameOf(audience)} over the world's time`} points=${growth(files.filter((each) => String(each.audience) === audience), value.audiences[audience])} until=${worldNow()} /></div>
        </div>
        <div class="scroll" tabindex="0" role="region" aria-label="Files of users"><table class="wide-table">
          <thead><tr>${["audience", "received", "type", "lines", "valid", "duplicate", "invalid", "added", "matched"].map((title, index) => html`<th scope="col" class=${index > 2 ? "number" : ""}>${title}</th>`)}</tr></thead>
          <tbody>${shown.map((each, index) => html`
            <tr key=${index}><td class="wrap"><a href=${href(world, "audiences", { id: `pitchtarget:${each.audience}` })}>${nameOf(each.audience)}</a></td>
              <td><${At} unix=${each.received_at_ms / 1000} /></td><td>${each.user_type}</td>
              ${["lines", "valid", "duplicate", "invalid", "added", "matched"].map((name) => html`<td class="number">${count(each[name])}</td>`)}</tr>
            ${each.invalid_lines.length > 0 && html`<tr key=${`${index}-why`}><td colspan="9" class="wrap"><details open=${shown.length === 1}><summary>${each.invalid > each.invalid_lines.length ? `the first ${each.invalid_lines.length} of ${count(each.invalid)} wrong lines` : plural(each.invalid, "wrong line")}</summary>
              <ul>${each.invalid_lines.map(({ line, why }) => html`<li key=${line}>line ${count(line)}: ${why}</li>`)}</ul></details></td></tr>`}`)}
          </tbody></table></div>`}
    </section>
    <section aria-labelledby="lists"><h2 id="lists">Uploads to customer lists</h2>
    ${value.list_uploads.length === 0 ? html`<${Empty} title="No upload to a customer list yet"><p>An upload of Pinterest's <code>customer_list_uploads</code> is listed here from its creation, with the parts that have arrived.</p><//>`
      : html`<div class="scroll" tabindex="0" role="region" aria-label="Uploads to customer lists"><table class="wide-table">
        <thead><tr>${["upload", "customer list", "operation", "state", "created", "parts", "valid", "invalid"].map((title, index) => html`<th scope="col" class=${index > 5 ? "number" : ""}>${title}</th>`)}</tr></thead>
        <tbody>${value.list_uploads.map((each) => html`<tr key=${each.id}><td class="mono">${each.id}</td><td><a href=${href(world, "lists", { id: each.customer_list })}>${each.customer_list}</a></td>
          <td>${each.operation.toLowerCase()}</td><td><${State} status=${each.state} /></td><td><${At} unix=${each.created_at} /></td>
          <td class="wrap">${each.valid === null ? `${each.parts.length} of ${each.total_parts}: ${each.parts.map((part) => `${part.part} (${bytes(part.bytes)})`).join(", ") || "none yet"}` : plural(each.total_parts, "part")}</td>
          <td class="number">${each.valid === null ? "" : count(each.valid)}</td>
          <td class="number">${each.invalid === null ? "" : count(each.invalid)}${each.errors && Object.keys(each.errors).length > 0 && html`<br /><small>${Object.entries(each.errors).map(([what, times]) => `${count(times)} ${what}`).join(", ")}</small>`}</td></tr>`)}
        </tbody></table></div>`}
    </section>`;
}

// An audience has no people until it is built, then those of its files so far.
function growth(files, audience) {
  const built = audience?.ready_at ?? files[0]?.received_at_ms / 1000;
  const points = [];
  let users = 0;
  for (const each of files) {
    const at = each.received_at_ms / 1000;
    users += each.added;
    points.push({ at, value: at < built ? 0 : users, what: `a file added ${count(each.added)}` });
  }
  if (points.length && built > points[0].at && built <= worldNow()) {
    const before = points.filter((point) => point.at <= built).length;
    const ofBuilt = files.slice(0, before).reduce((sum, each) => sum + each.added, 0);
    points.splice(before, 0, { at: built, value: ofBuilt, what: "the audience was built" });
  }
  return points.length ? points : [{ at: worldNow(), value: 0, what: "no file" }];
}
