// The time of the world, and what it will cause.
import { html, useState } from "../vendor/htm-preact.js";
import { get, query } from "../api.js";
import { absolute, dateOf, plural, timeOf } from "../format.js";
import { href, replace } from "../router.js";
import { TimeLine, describe } from "../plots.js";
import { useData, useStore, worldNow } from "../store.js";
import { advanceAction, setAction, travel } from "../travel.js";
import { Action, AsCode, At, Empty, Field, Problem, useSecond } from "../ui.js";

const STEPS = [["+1 s", 1], ["+1 min", 60], ["+1 h", 3600], ["+1 day", 86400]];
const KINDS = [["audience", "audiences"], ["facebook_id", "Facebook ids"], ["customer_list", "customer lists"], ["upload", "uploads"], ["token", "tokens"], ["limit", "rate limits"]];

export default function Clock({ world, params }) {
  useSecond();
  const clock = useStore((known) => known.clock);
  const chosen = params.kinds ? params.kinds.split(",") : [];
  const { value: agenda, error } = useData((signal) => get(world, `/clock/agenda${query({ limit: 200, kinds: params.kinds })}`, signal), [world, params.kinds]);
  const [to, setTo] = useState("");
  const now = worldNow();
  const toggle = (kind) => {
    const kinds = chosen.includes(kind) ? chosen.filter((each) => each !== kind) : [...chosen, kind];
    replace(world, "clock", { kinds: kinds.join(",") });
  };
  const set = (event) => {
    event.preventDefault();
    travel(setAction(/^\d+(\.\d+)?$/.test(to) ? Number(to) : to));
  };
  const onlyChosen = (action) => (chosen.length === 0 ? action : { ...action, body: { ...action.body, kinds: chosen }, python: `clock.advance(to=${JSON.stringify(action.body.to)}, kinds=${JSON.stringify(chosen)})` });
  return html`<h1>Clock</h1>
    <p class="big-time" aria-live="off">${clock ? `${dateOf(now)} ${timeOf(now)}` : "…"} <span class="quiet">Z</span> ${clock?.frozen && html`<span class="frozen">frozen</span>`}</p>
    <p class="quiet">Statuses, timestamps, expiry of tokens and rate limits follow this clock, and it is this world's alone.</p>
    <div class="buttons">
      ${clock?.frozen
        ? html`<${Action} kind="primary" action=${{ method: "PUT", path: "/clock", body: { frozen: false }, python: "clock.run()", done: "The clock runs" }}>Run<//>`
        : html`<${Action} action=${{ method: "PUT", path: "/clock", body: { frozen: true }, python: "clock.freeze()", done: "The clock stands still" }}>Freeze<//>`}
      ${STEPS.map(([title, seconds]) => html`<${Travel} key=${title} action=${advanceAction({ seconds })}>${title}<//>`)}
      <${Travel} action=${onlyChosen(advanceAction({ to: "next-event" }))} disabled=${agenda?.total === 0}>To the next event<//>
      <${Travel} action=${onlyChosen(advanceAction({ to: "idle" }))} disabled=${agenda?.total === 0}>Until nothing is left<//>
    </div>
    <form class="buttons" onSubmit=${set}>
      <${Field} label="Set the time (UTC)"><input value=${to} size="26" required placeholder=${new Date(now * 1000).toISOString().slice(0, 19) + "Z"} onInput=${(event) => setTo(event.currentTarget.value)} /><//>
      <span class="action"><button>Set</button><${AsCode} label="Set the time" action=${() => setAction(to || "2026-07-01T12:00:00Z")} /></span>
    </form>
    <section aria-labelledby="will"><h2 id="will">What will happen</h2>
      <fieldset class="filters plain-set"><legend class="hide">Kinds of events</legend>
        ${KINDS.map(([kind, title]) => html`<label key=${kind}><input type="checkbox" checked=${chosen.includes(kind)} onChange=${() => toggle(kind)} /> ${title}</label>`)}
      </fieldset>
      <${Problem} error=${error} />
      ${agenda && (agenda.total === 0
        ? html`<${Empty} title="Nothing is going to happen"><p>Create an audience, and the clock will build it after the world's <code>build_delay_s</code> seconds. ${chosen.length > 0 && "Other kinds of events are filtered out."}</p><//>`
        : html`<${TimeLine} events=${agenda.events} now=${now} onTravel=${(event) => travel(setAction(event.at))} />
          <div class="scroll" tabindex="0" role="region" aria-label="Agenda"><table class="wide-table"><thead><tr><th scope="col">when</th><th scope="col">time</th><th scope="col">what</th><th scope="col"><span class="hide">travel</span></th></tr></thead>
            <tbody>${agenda.events.map((event, index) => html`<tr key=${index}><td><${At} unix=${event.unix} /></td><td class="num">${absolute(event.unix)}</td>
              <td>${event.kind === "audience" ? html`<a href=${href(world, "audiences", { id: `${event.api}:${event.id}` })}>${describe(event)}</a>` : describe(event)}</td>
              <td><button class="small" aria-label=${`Travel there: ${absolute(event.unix)}`} onClick=${() => travel(setAction(event.at))}>Travel there</button></td></tr>`)}</tbody></table></div>
          ${agenda.total > agenda.events.length && html`<p class="quiet">${plural(agenda.total - agenda.events.length, "more event")} later.</p>`}`)}
    </section>`;
}

const Travel = ({ action, children, disabled = false }) => html`<span class="action"><button disabled=${disabled} onClick=${() => travel(action)}>${children}</button><${AsCode} action=${action} label=${children} /></span>`;
