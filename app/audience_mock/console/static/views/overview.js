// The first minute: which URL to give a client, what the world holds, and what to try.
import { html, useState } from "../vendor/htm-preact.js";
import { call, curl, get, worldPath, worldUrl } from "../api.js";
import { count, plural, stateClass, words } from "../format.js";
import { href } from "../router.js";
import { refreshNow, useStore } from "../store.js";
import { Action, Code, Copy, Empty, Status, fail, toast } from "../ui.js";
import { requestPath, shortTime } from "../requests.js";

const API_NAMES = { pinterest: "Pinterest API v5", pitchtarget: "PitchTarget Audience API" };

export default function Overview({ world }) {
  const overview = useStore((known) => known.overview);
  if (overview === null) return html`<h1>Overview</h1><p class="quiet" aria-busy="true">Loading…</p>`;
  const audiences = Object.values(overview.audiences).flatMap(Object.values).reduce((sum, each) => sum + each, 0);
  const isEmpty = audiences === 0 && overview.customer_lists === 0;
  return html`<h1>Overview</h1>
    <p class="lead">A mock server of two advertising APIs. Give your client one of these base URLs: what it creates, it finds again, and everything happens in the world <b>${world}</b> alone.</p>
    <div class="cards">${overview.apis.map((api) => html`<${ApiCard} key=${api.name} api=${api} world=${world} />`)}</div>
    ${isEmpty && html`<${Empty} title="This world is empty">
      <p>Send it a request, drop a seed file on <a href=${href(world, "snapshots")}>Snapshots</a>, or start with data to look at.</p>
      <${LoadDemo} world=${world} /><//>`}
    <div class="columns">
      <section aria-labelledby="holds"><h2 id="holds">What is here</h2>
        <table class="plain-table"><tbody>
          ${overview.apis.map((api) => html`<tr key=${api.name}>
            <th scope="row"><a href=${href(world, "audiences", { api: api.name })}>Audiences, ${api.name}</a></th>
            <td>${Object.entries(overview.audiences[api.name] ?? {}).map(([status, number]) => html`<a key=${status} class=${`state ${stateClass(status)}`}
              href=${href(world, "audiences", { api: api.name, status })}>${count(number)} ${words(status)}</a> `)}
              ${!overview.audiences[api.name] && html`<span class="quiet">none</span>`}</td></tr>`)}
          <tr><th scope="row"><a href=${href(world, "lists")}>Customer lists</a></th><td>${count(overview.customer_lists)}</td></tr>
          <tr><th scope="row"><a href=${href(world, "requests")}>Requests in the journal</a></th><td>${count(overview.requests)}</td></tr>
          <tr><th scope="row"><a href=${href(world, "faults")}>Faults</a></th><td>${overview.faults ? `${count(overview.faults)}, ${count(overview.unused_faults)} unused` : html`<span class="quiet">none planned</span>`}</td></tr>
        </tbody></table>
      </section>
      <section aria-labelledby="try"><h2 id="try">Try</h2>
        <ul class="actions">
          <li><${Action} action=${{ method: "POST", path: "/faults", body: { operation: "audiences/list", first: 1, status: 429 }, python: 'faults.add("audiences/list", first=1, status=429)', done: "The next list of Pinterest's audiences answers 429" }}>Make the next list fail with 429<//></li>
          <li><${Action} action=${{ method: "POST", path: "/clock/advance", body: { to: "idle", kinds: ["audience", "customer_list", "upload"] }, python: 'clock.advance(to="idle", kinds=["audience", "customer_list", "upload"])', done: ({ fired }) => (fired ? `${plural(fired, "thing")} became ready` : "Everything was built already") }}>Make everything ready now<//></li>
          <li><a href=${href(world, "faults")}>Plan another fault</a></li>
          <li><a href=${`${worldPath(world)}/docs`}>Read the API docs and call an operation</a></li>
        </ul>
      </section>
    </div>
    <section aria-labelledby="last"><h2 id="last">Last requests</h2><${LastRequests} world=${world} /></section>`;
}

function ApiCard({ api, world }) {
  const [busy, set] = useState(false);
  const url = `${worldUrl(world)}${api.base_path}`;
  const example = curl({ url: `${worldUrl(world)}${api.example_path}`, headers: { Authorization: api.authorization } });
  const send = async () => {
    set(true);
    try {
      const response = await fetch(`${worldPath(world)}${api.example_path}`, { headers: { Authorization: api.authorization } });
      toast(`${response.status}: it is the newest of the last requests`);
    } catch (error) {
      fail(error);
    }
    set(false);
  };
  const name = API_NAMES[api.name] ?? api.title;
  return html`<section class="card" aria-label=${name}>
    <h2>${name}</h2>
    <dl class="pairs">
      <dt>Base URL</dt><dd><code>${url}</code><${Copy} text=${url} what=${`base URL of ${name}`} /></dd>
      <dt>Token</dt><dd><code>${api.authorization}</code><${Copy} text=${api.authorization} what=${`token for ${name}`} /></dd>
    </dl>
    <${Code} text=${example} what=${`curl for ${name}`} />
    <button disabled=${busy} onClick=${send} aria-label=${`Send it to ${name}`}>Send it</button>
  </section>`;
}

function LoadDemo({ world }) {
  const [busy, set] = useState(false);
  const load = async () => {
    set(true);
    try {
      const { counts } = await call(world, "POST", "/seed", await get(world, "/seed/demo"));
      toast(`Loaded ${plural(counts.audiences, "audience")} and ${plural(counts.customer_lists, "customer list")}`);
      await refreshNow();
    } catch (error) {
      fail(error);
    }
    set(false);
  };
  return html`<button class="primary" disabled=${busy} onClick=${load}>Load the demo data</button>`;
}

function LastRequests({ world }) {
  const requests = useStore((known) => known.requests);
  const last = requests.slice(-10).reverse();
  if (last.length === 0) {
    return html`<${Empty} title="No request yet"><p>Each request to either API appears here at once, with its answer and, if it was rejected, the reason. Send one of the examples above.</p><//>`;
  }
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Last requests"><table class="wide-table"><thead><tr><th scope="col">time</th><th scope="col">method</th><th scope="col">path</th><th scope="col">operation</th><th scope="col">status</th></tr></thead>
    <tbody>${last.map((each) => html`<tr key=${each.number}>
      <td class="num">${shortTime(each.at)}</td><td>${each.method}</td>
      <td class="path"><a href=${href(world, "requests", { id: each.number })}>${requestPath(each.path)}</a></td>
      <td>${each.operation ?? html`<span class="quiet">no route</span>`}</td>
      <td><${Status} status=${each.status} />${each.fault && html` <span class="badge fault">${each.fault}</span>`}</td></tr>`)}</tbody></table></div>`;
}
