// Runs the server, tells its URL, and ends it when standard input ends. The system closes that when the process
// that started this one is gone, however it went, so no server outlives its tests, and their process needs no
// handlers of signals or exits. Both run outside the terminal's foreground group: Ctrl-C reaches the test
// runner alone, which can still use the server to clean up.
//
//   node guard.js CONTAINER COMMAND…     CONTAINER is the name of Docker's container, or empty
//
// The first line of its output is {"url": …} or {"error": …}.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createInterface } from "node:readline";

const KILL_AFTER_MS = 10_000;
const READY = /^Audience Mock is ready at (\S+)$/;
/** Characters of the server's errors that are told if it does not start. */
const TOLD = 4_000;

const [container, file, ...args] = process.argv.slice(2) as [string, string, ...string[]];
const windows = process.platform === "win32";
// A group of its own, so that uvx or pipx and the server below it end together.
const server = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"], detached: !windows, windowsHide: true });
let told = false;
let errors = "";

for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined); // nobody reads it any more
server.on("error", (error) => tell({ error: error.message }));
server.stderr.on("data", (part: Buffer) => {
  if (told) process.stderr.write(part);
  else errors = (errors + part).slice(-TOLD);
});
createInterface({ input: server.stdout }).on("line", (line) => {
  const url = READY.exec(line)?.[1];
  if (url === undefined || told) return;
  if (container === "") tell({ url });
  else askDocker();
});
// "close" comes after the last of the output, unlike "exit".
server.on("close", (status, signal) => {
  const how = signal ? `signal ${signal}` : `status ${status}`;
  if (!told) tell({ error: `audience-mock ended with ${how}${errors && `:\n${errors.trim()}`}` });
  else if (!stopping) process.stderr.write(`audience-mock ended with ${how}\n`);
  // Which lets this process end once its output is written.
  process.stdin.destroy();
});

let stopping = false;
function stop(): void {
  if (stopping) return;
  stopping = true;
  kill(server, "SIGTERM");
  setTimeout(() => {
    kill(server, "SIGKILL");
    if (container !== "") execFile(file, ["rm", "--force", container], () => undefined);
  }, KILL_AFTER_MS).unref();
}
process.stdin.on("end", stop).on("error", stop).resume();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);

function tell(outcome: { url: string } | { error: string }): void {
  told = true;
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
  if ("url" in outcome) process.stderr.write(errors);
}

/** The server knows the address inside its container; Docker knows the one outside. */
function askDocker(): void {
  execFile(file, ["port", container, "8000/tcp"], (error, stdout) => {
    if (error) {
      tell({ error: error.message });
      stop();
    } else tell({ url: `http://${stdout.trim().split("\n")[0]}` });
  });
}

function kill({ pid }: ChildProcess, signal: "SIGTERM" | "SIGKILL"): void {
  if (pid === undefined) return;
  try {
    if (windows) execFile("taskkill", ["/pid", String(pid), "/t", "/f"], () => undefined);
    else process.kill(-pid, signal);
  } catch {
    // It is gone already.
  }
}
