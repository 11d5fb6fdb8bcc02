// Calls of the control API, and the same calls as text for curl and Python.

const TOKEN_KEY = "audience-mock-admin-token";

// The page may be below a proxy's prefix, and below /worlds/NAME.
const here = location.pathname.replace(/\/__admin\/ui\/.*$/, "");
const inWorld = here.match(/^(.*)\/worlds\/([^/]+)$/);

export const PAGE_WORLD = inWorld ? decodeURIComponent(inWorld[2]) : "default";
export const SERVER_PATH = inWorld ? inWorld[1] : here;
export const SERVER_URL = location.origin + SERVER_PATH;

export const worldPath = (world) => SERVER_PATH + (world === "default" ? "" : `/worlds/${encodeURIComponent(world)}`);
export const worldUrl = (world) => location.origin + worldPath(world);

export class ApiError extends Error {
  constructor(status, body) {
    super(body.error ?? `status ${status}`);
    this.status = status;
    this.field = body.field;
    this.body = body;
  }
}

// The admin token, if the server has one: asked for once, and kept for this tab.
export const token = {
  get: () => sessionStorage.getItem(TOKEN_KEY),
  set: (value) => sessionStorage.setItem(TOKEN_KEY, value),
  clear: () => sessionStorage.removeItem(TOKEN_KEY),
  // The page replaces this by a question to its reader.
  ask: async () => null,
};

export function headers(more = {}) {
  const known = token.get();
  return known ? { ...more, Authorization: `Bearer ${known}` } : more;
}

// Fetches below /__admin, and asks for the token where one is needed.
export async function request(world, method, path, { body, signal, more } = {}) {
  for (;;) {
    const sent = token.get();
    const response = await fetch(`${worldPath(world)}/__admin${path}`, {
      method,
      signal,
      cache: "no-store",
      headers: headers(body === undefined ? more : { ...more, "Content-Type": "application/json" }),
      body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
    });
    if (response.status !== 401 || (await token.ask(sent)) === null) return response;
  }
}

export async function call(world, method, path, body, signal) {
  const response = await request(world, method, path, { body, signal });
  const text = await response.text();
  let parsed = null;
  try {
    parsed = text === "" ? null : JSON.parse(text);
  } catch {
    parsed = { error: `the server answered ${response.status} and no JSON` };
  }
  if (!response.ok) throw new ApiError(response.status, parsed ?? {});
  return parsed;
}

export const get = (world, path, signal) => call(world, "GET", path, undefined, signal);

export function query(values) {
  const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

export function curl({ method = "GET", url, headers: sent = {}, body }) {
  const verb = method !== "GET" && !(method === "POST" && body !== undefined) ? `-X ${method} ` : "";
  const parts = [`curl -s ${verb}${quoted(url)}`];
  for (const [name, value] of Object.entries(sent)) parts.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (body !== undefined) parts.push(`-d ${quoted(typeof body === "string" ? body : JSON.stringify(body))}`);
  return parts.join(parts.join(" ").length > 90 ? " \\\n  " : " ");
}

// An action is { method, path, body, python }; `python` is its method of a MockWorld, where it has one.
export function actionAsCurl(world, { method, path, body }) {
  let text = curl({ method, url: `${worldUrl(world)}/__admin${path}`, body });
  if (token.get()) text += ` \\\n  -H "Authorization: Bearer $AUDIENCE_MOCK_ADMIN_TOKEN"`;
  return text;
}

export function actionAsPython(world, { method, path, body, python }) {
  const more = world === "default" ? "" : `, world=${literal(world)}`;
  const secret = token.get() ? ', admin_token=os.environ["AUDIENCE_MOCK_ADMIN_TOKEN"]' : "";
  const named = python ?? `control(${[method, path, ...(body === undefined ? [] : [body])].map((each) => literal(each)).join(", ")})`;
  return [
    ...(secret ? ["import os", ""] : []),
    "from audience_mock.testing import connect",
    "",
    `world = connect(${literal(SERVER_URL)}${more}${secret})`,
    `world.${named}`,
  ].join("\n");
}

// A JSON value as Python writes it.
export function literal(value) {
  if (value === null || value === undefined) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value === "object") {
    return `{${Object.entries(value).map(([name, each]) => `${literal(name)}: ${literal(each)}`).join(", ")}}`;
  }
  return JSON.stringify(value);
}
