// Installs the server of this checkout, starts it on a free port, and tells the steps of the job where it is.
"use strict";

const { execFileSync, spawn } = require("node:child_process");
const { appendFileSync, openSync, readFileSync } = require("node:fs");
const { join, resolve } = require("node:path");
const { setTimeout: wait } = require("node:timers/promises");

const { RUNNER_TEMP, GITHUB_ENV, GITHUB_OUTPUT, GITHUB_STATE, INPUT_PYTHON } = process.env;
const START_TIMEOUT_MS = 60_000;
const POLL_MS = 50;

/** The command on the PATH, else a new environment with this checkout. */
function install() {
  try {
    execFileSync("audience-mock", ["--version"], { stdio: "inherit" });
    return "audience-mock";
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
  const environment = join(RUNNER_TEMP, "audience-mock");
  const bin = join(environment, process.platform === "win32" ? "Scripts" : "bin");
  execFileSync(INPUT_PYTHON || "python3", ["-m", "venv", environment], { stdio: "inherit" });
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", resolve(__dirname, "../..")];
  execFileSync(join(bin, "python"), pip, { stdio: "inherit" });
  return join(bin, "audience-mock");
}

async function start(command) {
  const ready = join(RUNNER_TEMP, `audience-mock-${process.pid}.url`);
  const log = join(RUNNER_TEMP, `audience-mock-${process.pid}.log`);
  const output = openSync(log, "a");
  const words = ["serve", "--port", "0", "--ready-file", ready];
  const server = spawn(command, words, { detached: true, stdio: ["ignore", output, output] });
  let ended = null;
  server.once("error", (error) => (ended = error.message));
  server.once("exit", (status, signal) => (ended = `it ended with ${signal ?? status}`));
  for (let waited = 0; ended === null && waited < START_TIMEOUT_MS; waited += POLL_MS) {
    try {
      const url = readFileSync(ready, "utf8").trim();
      if (url) {
        server.unref();
        return { url, log, pid: server.pid };
      }
    } catch (error) {
      if (error.code !== "ENOENT") throw error;
    }
    await wait(POLL_MS);
  }
  server.kill();
  throw new Error(`Audience Mock did not start: ${ended ?? "it took too long"}\n${readFileSync(log, "utf8")}`);
}

function write(file, values) {
  for (const [name, value] of Object.entries(values)) appendFileSync(file, `${name}=${value}\n`);
}

async function main() {
  const { url, log, pid } = await start(install());
  // Before all else, so that the end of the job ends the server.
  write(GITHUB_STATE, { url, log, pid });
  write(GITHUB_ENV, {
    AUDIENCE_MOCK_URL: url,
    AUDIENCE_MOCK_CONTROL_URL: `${url}/__admin`,
    AUDIENCE_MOCK_PINTEREST_URL: `${url}/v5`,
    AUDIENCE_MOCK_PITCHTARGET_URL: url,
    PINTEREST_API_URI: `${url}/v5`,
  });
  write(GITHUB_OUTPUT, { url, "pinterest-url": `${url}/v5`, "control-url": `${url}/__admin` });
  console.log(`Audience Mock is ready at ${url}`);
}

main().catch((error) => {
  console.log(`::error title=Audience Mock::${error.message.replace(/%/g, "%25").replace(/\r?\n/g, "%0A")}`);
  process.exitCode = 1;
});
