// The settings of this world that differ from the server's.
import { html, useEffect, useState } from "../vendor/htm-preact.js";
import { get, literal } from "../api.js";
import { useData } from "../store.js";
import { Action, Field, Problem } from "../ui.js";

export default function Settings({ world }) {
  const path = `/worlds/${encodeURIComponent(world)}`;
  const { value, error } = useData((signal) => get("default", path, signal), [world]);
  const [text, set] = useState(null);
  useEffect(() => {
    if (value && text === null) set(JSON.stringify(value.settings, null, 2));
  }, [value]);
  let settings = {}, problem = null;
  try {
    settings = JSON.parse(text ?? "{}");
  } catch (wrong) {
    problem = `Not JSON: ${wrong.message}`;
  }
  const python = `replace_settings(${Object.entries(settings ?? {}).map(([name, each]) => `${name}=${literal(each)}`).join(", ")})`;
  return html`<h1>Settings</h1><${Problem} error=${error} />
    <p class="lead">What this world has of its own, as JSON by the name of the setting: <code>build_delay_s</code>, <code>audience_ready</code>, <code>match_rate</code>, <code>journal_entries</code>, <code>auth_mode</code>, <code>rate_limits</code> and others. The server's settings hold for all that is left out.</p>
    <${Field} label="Settings of this world"><textarea rows="8" spellcheck="false" value=${text ?? ""} onInput=${(event) => set(event.currentTarget.value)}></textarea><//>
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    <div class="buttons"><${Action} kind="primary" disabled=${Boolean(problem)} action=${() => ({ method: "PUT", path, body: { settings }, python, done: "The settings are applied" })}>Apply<//></div>`;
}
