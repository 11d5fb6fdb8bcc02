// Tokens that the world knows, and how much of the rate limits is left.
import { html } from "../vendor/htm-preact.js";
import { get } from "../api.js";
import { count, plural } from "../format.js";
import { useData } from "../store.js";
import { Action, At, Empty, Problem } from "../ui.js";

export default function Tokens({ world }) {
  const { value, error } = useData(async (signal) => {
    const [tokens, { limits }] = await Promise.all([get(world, "/tokens?limit=500", signal), get(world, "/limits", signal)]);
    return { ...tokens, limits };
  }, [world]);
  if (value === null) return html`<h1>Tokens and limits</h1><${Problem} error=${error} />`;
  const { tokens, total, apps, limits } = value;
  return html`<h1>Tokens and limits</h1><${Problem} error=${error} />
    <section aria-labelledby="limits"><h2 id="limits">Rate limits</h2>
      ${limits.length === 0 ? html`<${Empty} title="No window is open"><p>Each call of Pinterest's API counts in a window of its limit; the setting <code>rate_limits</code> decides whether calls beyond it are rejected. What is left of each window is shown here.</p><//>`
        : html`<div class="buttons"><${Action} action=${{ method: "DELETE", path: "/limits", done: "All windows start anew" }}>Start all windows anew<//></div>
        <div class="scroll" tabindex="0" role="region" aria-label="Windows of rate limits"><table class="wide-table"><thead><tr>${["limit", "caller", "left", "window ends"].map((title) => html`<th scope="col">${title}</th>`)}</tr></thead>
        <tbody>${limits.map((each) => html`<tr key=${`${each.limit}${each.digest}`}><td>${each.limit}</td><td class="mono">${each.caller} <small>${each.digest}</small></td>
          <td><meter min="0" max=${each.calls} low=${each.calls / 10} value=${each.left} aria-label=${`${each.left} of ${each.calls} calls are left`}></meter> ${count(each.left)} of ${count(each.calls)}</td>
          <td><${At} unix=${each.ends_at} /></td></tr>`)}</tbody></table></div>`}
    </section>
    <section aria-labelledby="tokens"><h2 id="tokens">Tokens</h2>
      <p class="quiet">${apps.length ? `Only the apps ${apps.join(", ")} may request tokens.` : "Any app may request tokens."} Only digests are stored.</p>
      ${tokens.length === 0 ? html`<${Empty} title="No token was issued"><p>By default every token is accepted. Those that <code>oauth/token</code> issues, or a seed declares, are listed here with their scopes and expiry.</p><//>`
        : html`<div class="scroll" tabindex="0" role="region" aria-label="Tokens"><table class="wide-table"><thead><tr>${["SHA-256", "kind", "app", "scopes", "ad accounts", "expires", "state"].map((title) => html`<th scope="col">${title}</th>`)}</tr></thead>
        <tbody>${tokens.map((each) => html`<tr key=${each.digest}><td class="mono" title=${each.digest}>${each.digest.slice(0, 12)}…</td><td>${each.kind}</td><td>${each.app ?? "any"}</td>
          <td class="wrap">${each.scopes === null ? "all" : each.scopes.join(" ") || "none"}</td><td class="wrap">${each.ad_accounts === null ? "all" : each.ad_accounts.join(" ")}</td>
          <td><${At} unix=${each.expires_at} /></td><td>${each.revoked ? html`<span class="state failed">${each.kind === "code" ? "redeemed" : "revoked"}</span>` : each.expired ? html`<span class="state small">expired</span>` : html`<span class="state ready">valid</span>`}</td></tr>`)}</tbody></table></div>
        ${total > tokens.length && html`<p class="quiet">${plural(total - tokens.length, "older token")} not shown.</p>`}`}
    </section>`;
}
