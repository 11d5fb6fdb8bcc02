// The server-sent events of a world. By `fetch`, since EventSource cannot send the admin token.
import { request } from "./api.js";

const RETRY_MS = [250, 500, 1000, 2000, 5000];
// Longer than the server's heartbeat: a connection that is quiet for so long is dead.
const SILENCE_MS = 40_000;
// A browser has six connections to a server, for all of its tabs: one that nobody looks at gives its own back.
const HIDDEN_MS = 5_000;

// Resolves once the page was hidden for a while.
function hidden(ended) {
  return new Promise((resolve) => {
    let timer = 0;
    const check = () => {
      clearTimeout(timer);
      if (document.hidden) timer = setTimeout(resolve, HIDDEN_MS);
    };
    document.addEventListener("visibilitychange", check, { signal: ended });
    check();
  });
}

const visible = (ended) => new Promise((resolve) => {
  const check = () => !document.hidden && resolve();
  document.addEventListener("visibilitychange", check, { signal: ended });
  check();
});

export function follow(world, { onEvent, onState, onRefused }) {
  const ended = new AbortController();
  run(world, { onEvent, onState, onRefused }, ended.signal);
  return () => ended.abort();
}

async function run(world, { onEvent, onState, onRefused }, ended) {
  let lastId = null;
  for (let failures = 0; !ended.aborted; failures += 1) {
    const connection = new AbortController();
    ended.addEventListener("abort", () => connection.abort(), { signal: connection.signal });
    let isHidden = false;
    hidden(connection.signal).then(() => {
      isHidden = true;
      connection.abort();
    });
    let silence = 0;
    const alive = () => {
      clearTimeout(silence);
      silence = setTimeout(() => connection.abort(), SILENCE_MS);
    };
    try {
      alive();
      const more = lastId === null ? {} : { "Last-Event-ID": lastId };
      const response = await request(world, "GET", "/events", { signal: connection.signal, more });
      if (!response.ok) {
        onRefused((await response.json()).error);
        throw new Error(`status ${response.status}`);
      }
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        alive();
        const events = (rest + value).split("\n\n");
        rest = events.pop();
        for (const text of events) {
          const event = parse(text);
          if (event === null) continue;
          if (event.id !== null) lastId = event.id;
          if (event.kind === "hello") {
            failures = 0;
            onState("live");
          }
          onEvent(event.kind, event.data);
        }
      }
    } catch {
      // Whatever it was, the answer is to connect again.
    }
    clearTimeout(silence);
    connection.abort();
    if (ended.aborted) return;
    if (isHidden) {
      await visible(ended);
      failures = -1;
      continue;
    }
    onState("lost");
    await new Promise((resume) => setTimeout(resume, RETRY_MS[Math.min(failures, RETRY_MS.length - 1)]));
  }
}

function parse(text) {
  let id = null, kind = null, data = null;
  for (const line of text.split("\n")) {
    if (line.startsWith("id: ")) id = line.slice(4);
    else if (line.startsWith("event: ")) kind = line.slice(7);
    else if (line.startsWith("data: ")) data = JSON.parse(line.slice(6));
  }
  return kind === null ? null : { id, kind, data };
}
