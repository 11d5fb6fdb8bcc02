import { execFile } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { StartError } from "./errors.js";
import { CONTAINER_PORT, IMAGE, SEED_IN_CONTAINER } from "./settings.js";

/** The version of this package is that of the command. */
const { version: VERSION } = require("../package.json") as { version: string };
const WINDOWS = process.platform === "win32";

/** How to run `audience-mock serve`. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  /** Whether Docker is to run it; the container needs a name, variables and mounts besides. */
  readonly image: string | null;
}

export interface FindOptions {
  /**
   * What `uvx` and `pipx` install, as pip writes it: `audience-mock==1.2.0`, a wheel, `git+https://…`. By
   * default, the version of this package.
   */
  from?: string;
  /** Image for Docker, which pulls it if need be. By default `audience-mock`, which is never pulled. */
  image?: string;
}

/**
 * The first that works of: `audience-mock` on the PATH, `.venv` of this folder or one above, `uvx`, `pipx`,
 * Docker. Rejects with StartError, which says what was tried.
 */
export async function findCommand({ from = `audience-mock==${VERSION}`, image }: FindOptions): Promise<Command> {
  const installed = onPath("audience-mock") ?? inVirtualEnvironment();
  if (installed) return { file: installed, args: ["serve"], image: null };

  const tried = ["audience-mock: neither on the PATH nor in a .venv of this folder or one above it"];
  const runners: [string, string[]][] = [
    ["uvx", ["--from", from, "audience-mock"]],
    ["pipx", ["run", "--spec", from, "audience-mock"]],
  ];
  for (const [name, args] of runners) {
    const file = onPath(name);
    // This is what installs it, so that the time to start does not count a download.
    const failed = file ? await failure(file, [...args, "--version"]) : "not installed";
    if (file && failed === null) return { file, args: [...args, "serve"], image: null };
    tried.push(`${name}: ${failed}`);
  }

  const docker = onPath("docker");
  const failed = docker ? await missingImage(docker, image) : "not installed";
  if (docker && failed === null) return { file: docker, args: ["serve"], image: image ?? IMAGE };
  tried.push(`docker: ${failed}`);
  throw new StartError(
    [
      "Audience Mock is not installed, and nothing that could run it works:",
      ...tried.map((line) => `  ${line}`),
      "Install the Python package audience-mock, or set AUDIENCE_MOCK_URL to a server that is running.",
    ].join("\n"),
  );
}

/** The words for `docker run`, up to the command of the image. */
export function dockerRun(name: string, variables: readonly string[], seed: string | undefined): string[] {
  // Without a host port: Docker picks a free one.
  const words = ["run", "--rm", "--name", name, "--publish", `127.0.0.1::${CONTAINER_PORT}`];
  // Names alone, so that no value shows in the list of processes.
  for (const variable of variables) words.push("--env", variable);
  if (seed !== undefined) words.push("--volume", `${resolve(seed)}:${SEED_IN_CONTAINER}:ro`);
  return words;
}

async function missingImage(docker: string, wanted: string | undefined): Promise<string | null> {
  const absent = await failure(docker, ["image", "inspect", "--format", "{{.Id}}", wanted ?? IMAGE]);
  if (absent === null || wanted === undefined) return absent;
  return failure(docker, ["pull", "--quiet", wanted]);
}

/** Why a command failed, the last line that it wrote; null if it did not. */
async function failure(file: string, args: string[]): Promise<string | null> {
  try {
    await promisify(execFile)(file, args);
    return null;
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    return (stderr?.trim() || message).split("\n").at(-1)?.trim() ?? message;
  }
}

function inVirtualEnvironment(): string | null {
  for (let folder = process.cwd(); ; folder = dirname(folder)) {
    const file = executable(join(folder, ".venv", WINDOWS ? "Scripts" : "bin"), "audience-mock");
    if (file || folder === dirname(folder)) return file;
  }
}

function onPath(name: string): string | null {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  for (const folder of folders) {
    const file = executable(folder, name);
    if (file) return file;
  }
  return null;
}

function executable(folder: string, name: string): string | null {
  const file = join(folder, WINDOWS ? `${name}.exe` : name);
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile() ? file : null;
  } catch {
    return null;
  }
}
