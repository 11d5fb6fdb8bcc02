// Plots in SVG, each with its values on hover, and as a table for those who do not see it.
import { html } from "./vendor/htm-preact.js";
import { absolute, count, relative } from "./format.js";

const WIDTH = 640, HEIGHT = 180, LEFT = 56, BOTTOM = 22, TOP = 10;

function ticks(most) {
  const step = 10 ** Math.floor(Math.log10(Math.max(1, most)));
  const size = [1, 2, 5, 10].map((times) => times * step).find((each) => most / each <= 4) ?? step;
  const found = [];
  for (let at = 0; at <= most; at += size) found.push(at);
  return found;
}

function Figure({ title, most, children, columns, rows, axis }) {
  const y = (value) => HEIGHT - BOTTOM - (value / Math.max(1, most)) * (HEIGHT - BOTTOM - TOP);
  return html`<figure class="plot">
    <figcaption>${title}</figcaption>
    <svg viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label=${title}>
      ${ticks(most).map((at) => html`<g key=${at}><line class="grid" x1=${LEFT} x2=${WIDTH} y1=${y(at)} y2=${y(at)} />
        <text x=${LEFT - 6} y=${y(at) + 4} text-anchor="end">${count(at)}</text></g>`)}
      <text x=${LEFT} y=${HEIGHT - 5}>${axis[0]}</text>
      <text x=${WIDTH} y=${HEIGHT - 5} text-anchor="end">${axis[1]}</text>
      ${children(y)}
    </svg>
    <details><summary>As a table</summary><div class="scroll" tabindex="0"><table>
      <thead><tr>${columns.map((each) => html`<th scope="col">${each}</th>`)}</tr></thead>
      <tbody>${rows.map((row) => html`<tr>${row.map((each) => html`<td>${each}</td>`)}</tr>`)}</tbody>
    </table></div></details>
  </figure>`;
}

// Stacked bars: `bars` are { label, parts: { name: value } }, `parts` the names with their classes, from below.
export function Bars({ title, bars, parts, axis }) {
  const most = Math.max(1, ...bars.map((bar) => parts.reduce((sum, [name]) => sum + bar.parts[name], 0)));
  const room = (WIDTH - LEFT) / bars.length;
  const width = Math.min(40, room * 0.7);
  return html`<${Figure} title=${title} most=${most} axis=${axis} columns=${["upload", ...parts.map(([name]) => name)]}
      rows=${bars.map((bar) => [bar.label, ...parts.map(([name]) => count(bar.parts[name]))])}>
    ${(y) => bars.map((bar, index) => {
      let below = 0;
      const x = LEFT + room * index + (room - width) / 2;
      return html`<g key=${index}>${parts.map(([name, kind]) => {
        const from = below;
        below += bar.parts[name];
        const height = Math.max(bar.parts[name] ? 1 : 0, y(from) - y(below));
        return html`<rect class=${kind} x=${x} width=${width} y=${y(from) - height} height=${height}><title>${`${bar.label}: ${count(bar.parts[name])} ${name}`}</title></rect>`;
      })}</g>`;
    })}
  <//>
  <p class="legend">${parts.map(([name, kind]) => html`<span class=${kind}>${name}</span>`)}</p>`;
}

// A step line: `points` are { at, value, what }, by time; the last value holds until `until`.
export function Steps({ title, points, until }) {
  const from = points[0].at;
  const end = Math.max(until, points.at(-1).at, from + 1);
  const x = (at) => LEFT + ((at - from) / (end - from)) * (WIDTH - LEFT - 4);
  const most = Math.max(1, ...points.map((point) => point.value));
  return html`<${Figure} title=${title} most=${most} axis=${[absolute(from), absolute(end)]} columns=${["time", "people", "what"]}
      rows=${points.map((point) => [absolute(point.at), count(point.value), point.what])}>
    ${(y) => {
      const path = points.map((point, index) => `${index ? `H${x(point.at)}V` : `M${x(point.at)} `}${y(point.value)}`).join("");
      return html`<path class="line" d=${`${path}H${x(end)}`} />
        ${points.map((point, index) => html`<circle key=${index} class="point" r="4" cx=${x(point.at)} cy=${y(point.value)}><title>${`${absolute(point.at)}: ${count(point.value)} people, ${point.what}`}</title></circle>`)}`;
    }}
  <//>`;
}

// Counts in a row, each bar stacked by its class: [[class, count], …] for each bucket.
export function Spark({ title, buckets }) {
  const most = Math.max(1, ...buckets.map((bucket) => bucket.reduce((sum, [, value]) => sum + value, 0)));
  return html`<svg class="spark" viewBox=${`0 0 ${buckets.length * 4} 24`} preserveAspectRatio="none" role="img" aria-label=${title}>
    ${buckets.map((bucket, index) => {
      let top = 24;
      return bucket.map(([kind, value]) => {
        const height = (value / most) * 24;
        top -= height;
        return value > 0 && html`<rect key=${`${index}${kind}`} class=${kind} x=${index * 4} width="3" y=${top} height=${height}><title>${`${value} ${kind}`}</title></rect>`;
      });
    })}
  </svg>`;
}

// What will happen, from now on: each event is a button that travels there.
export function TimeLine({ events, now, onTravel }) {
  const last = events.at(-1)?.unix ?? now;
  // By its logarithm: seconds and years fit on one line.
  const place = (unix) => (100 * Math.log1p(Math.max(0, unix - now))) / Math.log1p(Math.max(1, last - now));
  const groups = [];
  for (const event of events) {
    const at = place(event.unix);
    const group = groups.at(-1);
    if (group && at - group.at < 2.5) group.events.push(event);
    else groups.push({ at, events: [event] });
  }
  return html`<div class="timeline"><div class="track" role="group" aria-label="Time line of what will happen">
    <span class="now">now</span>
    ${groups.map(({ at, events: of }) => {
      const what = of.length === 1 ? describe(of[0]) : `${of.length} events`;
      const target = of.at(-1).unix;
      return html`<button key=${`${target}-${of.length}`} class=${`event ${of[0].kind}`} style=${{ left: `${at}%` }}
        title=${`${what}, ${relative(target - now)} (${absolute(target)}): travel there`}
        aria-label=${`Travel to ${absolute(target)}: ${what}`} onClick=${() => onTravel(of.at(-1))}>${of.length > 1 ? of.length : ""}</button>`;
    })}
    <span class="end">${events.length ? relative(last - now) : ""}</span>
  </div></div>`;
}

const KINDS = { audience: "audience", facebook_id: "Facebook id of audience", customer_list: "customer list", upload: "upload", token: "token", limit: "rate limit" };

export function describe(event) {
  const which = event.id ?? event.digest ?? "";
  if (event.kind === "token") return `${event.token} token ${which} expires`;
  if (event.kind === "limit") return `window of ${event.limit} ends for ${event.caller}`;
  if (event.kind === "facebook_id") return `audience ${which} gets its Facebook id`;
  return `${KINDS[event.kind] ?? event.kind} ${which} becomes ${event.becomes}`;
}
