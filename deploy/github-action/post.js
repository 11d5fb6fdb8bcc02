// At the end of the job: warnings for the requests that were rejected, the server's log, and its end.
"use strict";

const { readFileSync } = require("node:fs");

const { STATE_url: url, STATE_log: log, STATE_pid: pid } = process.env;
const { INPUT_ANNOTATIONS, AUDIENCE_MOCK_ADMIN_TOKEN: token } = process.env;
/** GitHub shows ten warnings of a step. */
const SHOWN = 10;

async function control(path, body) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const options = { headers, method: body ? "POST" : "GET", body: body && JSON.stringify(body) };
  const response = await fetch(`${url}${path}`, options);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

/** The rejected requests of all worlds that are left: those that no planned fault rejected. */
async function rejected() {
  const { worlds } = await control("/__admin/worlds");
  const found = [];
  for (const world of worlds) {
    const path = `/worlds/${encodeURIComponent(world)}/__admin/journal/search`;
    for (const status of ["4xx", "5xx"]) {
      const { entries } = await control(path, { status });
      found.push(...entries.filter((entry) => entry.fault === null).map((entry) => ({ world, ...entry })));
    }
  }
  return found;
}

function warning({ world, request, answer, reason, suggestions = [] }) {
  const lines = [`${request.method} ${request.path}: ${answer.status}`];
  if (answer.body != null) lines.push(JSON.stringify(answer.body));
  if (reason) lines.push(`reason: ${reason}`);
  for (const suggestion of suggestions) lines.push(`did you mean ${suggestion}`);
  const text = lines.join("\n").replace(/%/g, "%25").replace(/\r/g, "%0D").replace(/\n/g, "%0A");
  return `::warning title=Audience Mock rejected a request in world ${world}::${text}`;
}

async function main() {
  if (!pid) return; // it did not start
  try {
    if (INPUT_ANNOTATIONS !== "false") {
      const all = await rejected();
      for (const entry of all.slice(0, SHOWN)) console.log(warning(entry));
      if (all.length > SHOWN) console.log(`${all.length - SHOWN} more requests were rejected`);
    }
  } catch (error) {
    console.log(`The request journal cannot be read: ${error.message}`);
  } finally {
    console.log(`::group::Log of Audience Mock\n${readFileSync(log, "utf8")}\n::endgroup::`);
    try {
      process.kill(Number(pid));
    } catch (error) {
      if (error.code !== "ESRCH") throw error;
    }
  }
}

main();
