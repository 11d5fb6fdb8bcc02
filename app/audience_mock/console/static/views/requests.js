// The request journal as it happens, with what hit each request and what can be made of it.
import { html, useEffect, useMemo, useState } from "../vendor/htm-preact.js";
import { SERVER_PATH, get, literal } from "../api.js";
import { bytes, count, plural } from "../format.js";
import { go, href, replace } from "../router.js";
import { useStore } from "../store.js";
import { Action, Code, Empty, JsonBox, Problem, Rows, Select, Split, Status, Tabs, download, fail, showCode, toast } from "../ui.js";
import { Spark } from "../plots.js";
import { bodyText, entryAsCurl, entryAsFault, entryAsVerify, isMultipart, requestPath, shortTime } from "../requests.js";

const ROW = 30;
const BUCKETS = 60;

export default function Requests({ world, id, params }) {
  const live = useStore((known) => known.requests);
  const missed = useStore((known) => known.missed);
  const apis = useStore((known) => known.overview?.apis ?? []);
  const [paused, setPaused] = useState(null);
  const shown = paused ?? live;
  const filter = (changes) => replace(world, "requests", { id, ...params, ...changes });
  const found = useMemo(() => select(shown, params).reverse(), [shown, params.text, params.api, params.status, params.operation]);
  const selected = id === null ? null : Number(id);
  const open = (number) => go(world, "requests", { ...params, id: number });
  const close = () => go(world, "requests", params);
  const operations = useMemo(() => [...new Set(shown.map((each) => each.operation ?? "none"))].sort(), [shown.length]);
  // The newest request that the reader has seen, once they are further down or have paused the list.
  const newest = live.at(-1)?.number ?? 0;
  const [seen, setSeen] = useState(null);
  const fresh = seen === null ? 0 : Math.max(0, newest - seen);
  const pause = (on) => {
    setPaused(on ? live : null);
    setSeen(on ? newest : null);
  };
  const toTop = () => {
    pause(false);
    const list = document.querySelector("[data-rows]");
    if (list) list.scrollTop = 0;
  };
  const list = html`
    <div class="filters">
      <label class="field grow"><span>Filter</span><input data-filter type="search" value=${params.text ?? ""} placeholder="path, method or operation" onInput=${(event) => filter({ text: event.currentTarget.value })} /></label>
      <${Select} label="API" value=${params.api} options=${apis.map((api) => api.name)} onChange=${(api) => filter({ api })} />
      <${Select} label="Status" value=${params.status} options=${["2xx", "4xx", "5xx", "404", "429", ["none", "no answer"]]} onChange=${(status) => filter({ status })} />
      <${Select} label="Operation" value=${params.operation} options=${operations.map((each) => [each, each === "none" ? "no route" : each])} onChange=${(operation) => filter({ operation })} />
    </div>
    <div class="listbar">
      <span>${plural(found.length, "request")}${missed > 0 && html` · <span class="quiet">${count(missed)} came too fast to show</span>`}</span>
      <${Trend} requests=${shown} />
      <span class=${paused ? "live paused" : "live"}>${paused ? "paused" : "live"}</span>
      ${fresh > 0 && html`<button class="pill" onClick=${toTop}>${count(fresh)} new</button>`}
      <button class="small" onClick=${() => pause(paused === null)} aria-pressed=${paused !== null}>${paused ? "Resume" : "Pause"}</button>
      <button class="small" title="Everything that is needed to play these requests again" onClick=${() => download(world, "/bundle", `${world}-bundle.json`)}>Download bundle</button>
      <${Action} kind="small" action=${{ method: "DELETE", path: "/journal", python: "journal.clear()", done: "The journal is empty" }}>Clear<//>
    </div>
    ${found.length === 0 ? html`<${NothingFound} any=${shown.length > 0} world=${world} />`
      : html`<${Rows} items=${found} keyOf=${(each) => each.number} height=${ROW} label="Requests, the newest first" selected=${selected} onSelect=${open}
          onAway=${(away) => paused === null && setSeen((old) => (away ? old ?? newest : null))}
          row=${(each) => html`<span class="num time">${shortTime(each.at)}</span><span class="method">${each.method}</span>
            <span class="path" title=${each.path}>${requestPath(each.path)}</span>
            ${each.fault && html`<span class="badge fault">${each.fault}</span>`}${each.operation === null && html`<span class="badge">no route</span>`}
            <${Status} status=${each.status} />`} />`}`;
  return html`<h1>Requests</h1><${Split} list=${list} label="Request" onClose=${close}
    detail=${selected !== null && html`<${Detail} key=${selected} world=${world} number=${selected} />`} />`;
}

function select(requests, { text, api, status, operation }) {
  const wanted = text?.toLowerCase();
  const code = status && status !== "none" ? new RegExp(`^${status.replaceAll("x", ".")}$`) : null;
  return requests.filter((each) =>
    (!api || each.api === api) &&
    (!operation || (each.operation ?? "none") === operation) &&
    (!status || (code ? code.test(String(each.status)) : each.status === null)) &&
    (!wanted || `${each.method} ${each.path} ${each.operation ?? ""} ${each.fault ?? ""}`.toLowerCase().includes(wanted)));
}

function NothingFound({ any, world }) {
  return any
    ? html`<${Empty} title="No request meets the filter"><p><a href=${href(world, "requests")}>Show all of them</a></p><//>`
    : html`<${Empty} title="No request yet"><p>Point a client at this world, and each of its requests appears here: what was sent, what was answered, and why. The <a href=${href(world)}>overview</a> has the URLs.</p><//>`;
}

// The newest requests by status, in the order of their numbers.
function Trend({ requests }) {
  const last = requests.slice(-600);
  const size = Math.ceil(last.length / BUCKETS) || 1;
  const buckets = [];
  for (let at = 0; at < last.length; at += size) {
    const counts = { s2: 0, s4: 0, s5: 0 };
    for (const each of last.slice(at, at + size)) counts[each.status === null || each.status >= 500 ? "s5" : each.status >= 400 ? "s4" : "s2"] += 1;
    buckets.push(Object.entries(counts));
  }
  while (buckets.length < BUCKETS) buckets.unshift([]);
  return last.length > 0 && html`<${Spark} title=${`The last ${plural(last.length, "request")} by status`} buckets=${buckets} />`;
}

function Detail({ world, number }) {
  const [state, set] = useState({ entry: null, error: null });
  useEffect(() => {
    get(world, `/journal/${number}`).then((entry) => set({ entry }), (error) => set({ error }));
  }, [number]);
  const { entry, error } = state;
  if (error) return html`<h2>Request ${number}</h2><${Problem} error=${error} /><p>The journal keeps the newest requests only.</p>`;
  if (!entry) return html`<p class="quiet" aria-busy="true">Loading…</p>`;
  return html`<h2>${entry.request.method} <span class="path">${requestPath(entry.request.path)}</span></h2>
    <p><${Status} status=${entry.answer.status} /> · ${entry.operation ?? "no route"} · ${entry.api} · <time datetime=${entry.at} title=${entry.at}>${shortTime(entry.at)}</time></p>
    <${Why} entry=${entry} world=${world} />
    <${Tools} entry=${entry} world=${world} />
    <${Tabs} label="Parts of the request" tabs=${[
      { name: "answer", title: "Answer", content: () => html`<${Message} headers=${entry.answer.headers} body=${entry.answer.body} size=${entry.answer.body_bytes} cut=${entry.answer.body_cut} what="answer" />` },
      { name: "request", title: "Request", content: () => html`<${Message} headers=${entry.request.headers} body=${entry.request.body} size=${entry.request.body_bytes} cut=${entry.request.body_cut} what="request" />` },
      { name: "curl", title: "As curl", content: () => html`<${AsCurl} entry=${entry} />` },
    ]} />`;
}

function useAuthorization(api) {
  return useStore((known) => known.overview?.apis.find((each) => each.name === api)?.authorization ?? "Bearer anything");
}

function AsCurl({ entry }) {
  const authorization = useAuthorization(entry.api);
  return html`<${Code} text=${entryAsCurl(entry, authorization)} what="the request as curl" />
    <p class="quiet">Tokens are masked in the journal: the call has one that is accepted by default.</p>`;
}

// Why it was answered so: the fault that fired, the API's own words, or the routes that were meant.
function Why({ entry, world }) {
  const { fault, suggestions, answer, reason } = entry;
  const body = answer.body;
  const words = body && typeof body === "object" ? body.message ?? body.error?.message ?? body.error ?? body.errors : null;
  if (fault === null && !suggestions && !reason && !(answer.status >= 400)) return null;
  return html`<div class="why">
    ${fault && html`<p><span class="badge fault">${fault}</span> ${fault === "request" ? "The request asked for this fault itself." : fault === "identity" ? html`A magic identity in the upload: <a href=${href(world, "identities")}>Identities</a>` : fault === "evidence" ? "The answer would have been a guess: strict_evidence asks for more." : html`This planned fault fired. <a href=${href(world, "faults")}>Faults</a>`}</p>`}
    ${answer.status === null && !fault && html`<p>The client left before the answer.</p>`}
    ${suggestions && html`<p>No route takes it. Probably meant:</p><ul>${suggestions.map((route) => html`<li key=${route}><code>${route}</code></li>`)}</ul>`}
    ${reason && html`<p><b>${reason}</b></p>`}
    ${!fault && words && words !== reason && html`<p>${typeof words === "string" ? words : JSON.stringify(words)}</p>`}
  </div>`;
}

function Tools({ entry, world }) {
  const authorization = useAuthorization(entry.api);
  const verify = entryAsVerify(entry);
  const { operation, ...expected } = verify.body;
  const python = `verify(${[literal(operation), ...Object.entries(expected).map(([name, value]) => `${name}=${literal(value)}`)].join(", ")})`;
  const again = async () => {
    const { method, path } = entry.request;
    const sent = { Authorization: authorization };
    if (entry.request.headers["content-type"]) sent["Content-Type"] = entry.request.headers["content-type"];
    try {
      const response = await fetch(SERVER_PATH + path, { method, headers: sent, body: ["GET", "HEAD"].includes(method) ? undefined : bodyText(entry) });
      toast(`Sent again: ${response.status}`);
    } catch (error) {
      fail(error);
    }
  };
  const whole = !isMultipart(entry) && !entry.request.body_cut;
  return html`<div class="buttons">
    <button disabled=${!whole} title=${whole ? "" : "The journal keeps no files"} onClick=${again}>Send again</button>
    <a class="button" href=${href(world, "faults", entryAsFault(entry))}>Make a fault of this</a>
    <button onClick=${() => showCode("Verify", { ...verify, python })}>As verify</button>
  </div>`;
}

function Message({ headers, body, size, cut, what }) {
  return html`
    <details class="headers"><summary>${plural(Object.keys(headers).length, "header")}</summary>
      <table class="plain-table"><tbody>${Object.entries(headers).map(([name, value]) => html`<tr key=${name}><th scope="row">${name}</th><td>${value}</td></tr>`)}</tbody></table>
    </details>
    ${body === null || body === undefined ? html`<p class="quiet">No body${size ? `, of ${bytes(size)}, was kept` : ""}.</p>`
      : typeof body === "string" ? html`<${Code} text=${body} what=${`body of the ${what}`} />`
      : html`<${JsonBox} value=${body} what=${`body of the ${what}`} />`}
    ${cut && html`<p class="quiet">The journal kept the beginning of ${bytes(size)}.</p>`}`;
}

