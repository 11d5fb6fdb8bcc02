// The magic identities: addresses that decide how an upload ends, to be copied in the form that a job sends.
import { html } from "../vendor/htm-preact.js";
import { get } from "../api.js";
import { href, replace } from "../router.js";
import { useData } from "../store.js";
import { Copy, Problem, Select } from "../ui.js";

const FORMS = [["plain", "plain"], ["md5", "MD5"], ["sha1", "SHA-1"], ["sha256", "SHA-256"]];
const KINDS = [["email", "address"], ["device", "mobile advertising id"]];

export default function Identities({ world, params }) {
  const { value, error } = useData((signal) => get(world, "/identities", signal), [world]);
  const form = params.form ?? "sha256", kind = params.kind ?? "email";
  const choose = (chosen) => replace(world, "identities", { form, kind, ...chosen });
  if (value === null) return html`<h1>Identities</h1><${Problem} error=${error} />`;
  return html`<h1>Identities</h1><${Problem} error=${error} />
    <p class="lead">Magic identities are people who cannot exist. An upload that has one ends as it says here, in either API, whatever form the identity has.</p>
    ${!value.enabled && html`<p class="problem" role="status">They have no effect in this world: <a href=${href(world, "settings")}>magic_identities</a> is off.</p>`}
    <div class="filters"><${Select} label="Form" any=${null} value=${form} options=${FORMS} onChange=${(chosen) => choose({ form: chosen })} />
      <${Select} label="Kind" any=${null} value=${kind} options=${KINDS} onChange=${(chosen) => choose({ kind: chosen })} /></div>
    <div class="scroll" tabindex="0" role="region" aria-label="Magic identities"><table>
      <thead><tr><th scope="col">identity</th><th scope="col">an upload that has it</th><th scope="col">as it is sent</th><th scope="col" class="wide-only">in short</th></tr></thead>
      <tbody>${value.identities.map((each) => html`<tr key=${each.name}><th scope="row"><code>${each.name}</code></th>
        <td>${each.effect}</td><td><${Copy} text=${each[kind][form]} what=${each.name} /></td>
        <td class="wide-only"><code title=${each[kind][form]}>${shortened(each[kind][form])}</code></td></tr>`)}
      </tbody></table></div>`;
}

const shortened = (text) => (text.length > 44 ? `${text.slice(0, 12)}…${text.slice(-8)}` : text);
