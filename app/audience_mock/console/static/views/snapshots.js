// Snapshots of the world, its export, and seed files that are dropped here.
import { html, useState } from "../vendor/htm-preact.js";
import { call, get, literal } from "../api.js";
import { placeOf, syntaxError } from "../json-places.js";
import { refreshNow, useData } from "../store.js";
import { Action, AsCode, Empty, Field, Problem, download, fail, toast } from "../ui.js";

export default function Snapshots({ world }) {
  const { value, error } = useData((signal) => get(world, "/snapshots", signal), [world]);
  const [name, setName] = useState("");
  const path = (snapshot) => `/snapshots/${encodeURIComponent(snapshot)}`;
  return html`<h1>Snapshots and seeds</h1><${Problem} error=${error} />
    <section aria-labelledby="snapshots"><h2 id="snapshots">Snapshots</h2>
      <form class="buttons" onSubmit=${(event) => event.preventDefault()}>
        <${Field} label="Name"><input data-filter value=${name} maxlength="100" placeholder="signed-in" pattern="[A-Za-z0-9][A-Za-z0-9_.\\-]*" onInput=${(event) => setName(event.currentTarget.value)} /><//>
        <${Action} kind="primary" disabled=${!name} action=${() => ({ method: "PUT", path: path(name), python: `snapshot(${literal(name)})`, done: `Took the snapshot ${name}` })} onDone=${() => setName("")}>Take a snapshot<//>
      </form>
      ${value && (value.snapshots.length === 0
        ? html`<${Empty} title="No snapshot yet"><p>A snapshot keeps the data, the ids and the clock of this world under a name. Take one before you try something, and go back in milliseconds. The page takes one itself before it resets or deletes.</p><//>`
        : html`<table><thead><tr><th scope="col">name</th><th scope="col"><span class="hide">actions</span></th></tr></thead>
          <tbody>${value.snapshots.map((each) => html`<tr key=${each}><td class="mono">${each}</td><td><div class="buttons">
            <${Action} kind="small" label=${`Restore ${each}`} action=${{ method: "POST", path: `${path(each)}/restore`, python: `restore(${literal(each)})`, undo: true, done: `Restored ${each}` }}>Restore<//>
            <${Action} kind="small danger" label=${`Delete ${each}`} action=${{ method: "DELETE", path: path(each), done: `Deleted ${each}` }}>Delete<//></div></td></tr>`)}</tbody></table>`)}
    </section>
    <section aria-labelledby="export"><h2 id="export">Export</h2>
      <p>Everything that this world holds, as a seed file: a server that starts with <code>--seed</code> of it answers the same.</p>
      <span class="action"><button onClick=${() => download(world, "/state", `${world}.json`)}>Export the state</button><${AsCode} label="Export the state" action=${{ method: "GET", path: "/state", python: "state()" }} /></span>
    </section>
    <section aria-labelledby="import"><h2 id="import">Import</h2><${Drop} world=${world} /></section>`;
}

function Drop({ world }) {
  const [over, setOver] = useState(false);
  const [problem, setProblem] = useState(null);
  const take = async (file) => {
    setProblem(null);
    const text = await file.text();
    const wrong = syntaxError(text);
    if (wrong) {
      setProblem(`${file.name}:${wrong.line}:${wrong.column}: not JSON: ${wrong.why}`);
      return;
    }
    try {
      const { counts } = await call(world, "POST", "/seed", text);
      const added = Object.entries(counts).filter(([, number]) => number > 0).map(([section, number]) => `${section.replaceAll("_", " ")}: ${number}`);
      toast(added.length ? `Imported ${added.join(", ")}` : "The file has nothing to add");
      refreshNow();
    } catch (error) {
      const place = error.field ? placeOf(text, error.field.split(".")) : null;
      setProblem(`${file.name}${place ? `:${place.line}:${place.column}` : ""}: ${error.message}`);
    }
  };
  return html`<div class=${over ? "drop over" : "drop"} onDragOver=${(event) => { event.preventDefault(); setOver(true); }} onDragLeave=${() => setOver(false)}
      onDrop=${(event) => { event.preventDefault(); setOver(false); if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]); }}>
      <p>Drop a seed file here, or choose one. All of it is added to this world, or nothing.</p>
      <label class="button"><span>Choose a seed file</span><input type="file" class="hide" accept=".json,application/json" onChange=${(event) => { const [file] = event.currentTarget.files; if (file) take(file); event.currentTarget.value = ""; }} /></label>
      <${AsCode} label="Import a seed" action=${{ method: "POST", path: "/seed", body: { audiences: [] }, python: 'seed("seed.json")' }} />
    </div>
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}`;
}

