// Starts Audience Mock once for the run, by its command, and ends it after the last test.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export default async function setup(project) {
  const server = spawn("audience-mock", ["serve", "--port", "0", "--build-delay-s", "0"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(server, "exit");
  // The one line on standard output comes when it answers, and ends with its URL.
  const [line] = await Promise.race([
    once(createInterface({ input: server.stdout }), "line"),
    ended.then(([status]) => {
      throw new Error(`audience-mock ended with ${status}`);
    }),
  ]);
  project.provide("audienceMockUrl", line.split(" ").at(-1));

  return async () => {
    server.kill();
    await ended;
  };
}
