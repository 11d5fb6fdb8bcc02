import { type AudienceMock, startAudienceMock, type StartOptions } from "./start.js";

/** Names of this machine, which a proxy of the environment cannot reach. */
const LOCAL_NAMES = ["localhost", "127.0.0.1", "::1"];

/**
 * A global set-up for vitest, jest and Playwright: starts the server once, and tells the processes that run
 * tests where it is, by the variables that `audience-mock exec` sets too.
 *
 *     export default globalSetup({ settings: { build_delay_s: 0 } });
 *
 * Resolves to its teardown, which vitest and Playwright call; after jest, the server ends with jest.
 */
export function globalSetup(options: StartOptions = {}): () => Promise<() => Promise<void>> {
  return async () => {
    const mock = await startAudienceMock(options);
    const before = publish(mock);
    return async () => {
      for (const [name, value] of before) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
      await mock.stop();
    };
  };
}

/** Set the variables; returns what they were. */
function publish(mock: AudienceMock): Map<string, string | undefined> {
  const variables: Record<string, string | undefined> = {
    AUDIENCE_MOCK_URL: mock.url,
    AUDIENCE_MOCK_CONTROL_URL: mock.urls.control,
    AUDIENCE_MOCK_PINTEREST_URL: mock.urls.pinterest,
    AUDIENCE_MOCK_PITCHTARGET_URL: mock.urls.pitchtarget,
    AUDIENCE_MOCK_ADMIN_TOKEN: mock.adminToken,
    ...withoutProxy(new URL(mock.url).hostname),
  };
  const before = new Map<string, string | undefined>();
  for (const [name, value] of Object.entries(variables)) {
    if (value === undefined) continue;
    before.set(name, process.env[name]);
    process.env[name] = value;
  }
  return before;
}

/** NO_PROXY with this machine, in both cases: some clients read one name, some the other. */
function withoutProxy(host: string): Record<string, string> {
  const given = process.env["NO_PROXY"] || process.env["no_proxy"] || "";
  const names = given.split(",").map((name) => name.trim()).filter((name) => name !== "");
  // Alone it means all; in a list it is a name like any other to some clients.
  const value = names.includes("*") ? "*" : [...new Set([...names, ...LOCAL_NAMES, host])].join(",");
  return { NO_PROXY: value, no_proxy: value };
}
