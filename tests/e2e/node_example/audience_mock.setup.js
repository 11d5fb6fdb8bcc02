// Starts one Audience Mock for the whole test run and stops it after the last test, unless one is running.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export default async function setup(project) {
  // A server that is running already, perhaps elsewhere: https://host/mock, say.
  const running = process.env.AUDIENCE_MOCK_URL;
  if (running) {
    project.provide("audienceMockUrl", running.replace(/\/+$/, ""));
    return;
  }
  const server = spawn("audience-mock", ["serve", "--port", "0", "--build-delay-s", "0"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(server, "exit");
  // Once it is ready, the server prints one line, which ends with its URL.
  const [line] = await Promise.race([
    once(createInterface({ input: server.stdout }), "line"),
    exited.then(([status]) => {
      throw new Error(`audience-mock exited with status ${status}`);
    }),
  ]);
  project.provide("audienceMockUrl", line.split(" ").at(-1));

  return async () => {
    server.kill();
    await exited;
  };
}
