// What can be made of a recorded request: a call of curl, a fault, an expectation.
import { SERVER_URL, curl } from "./api.js";

export const shortTime = (at) => at.slice(11, 23);

// Without the world's prefix, which all requests in view have.
export const requestPath = (path) => path.replace(/^\/worlds\/[^/?]+/, "");

const LEFT_OUT = /^(host|content-length|connection|accept-encoding|user-agent|accept|accept-language|origin|referer|sec-.*|x-audience-mock-world|cookie|cache-control|pragma)$/;

// Secrets are masked in the journal, so the call gets a token that is accepted.
export function entryAsCurl(entry, authorization) {
  const { method, path, headers, body } = entry.request;
  const sent = Object.fromEntries(Object.entries(headers).filter(([name]) => !LEFT_OUT.test(name)));
  if (sent.authorization) sent.authorization = authorization;
  const url = SERVER_URL + path;
  if (isMultipart(entry)) {
    delete sent["content-type"];
    const text = curl({ method: "GET", url, headers: sent });
    const parts = [
      ...Object.entries(body?.fields ?? {}).map(([name, value]) => `-F '${name}=${String(value).replaceAll("'", "'\\''")}'`),
      ...Object.entries(body?.files ?? {}).map(([name, file]) => `-F '${name}=@${String(file.filename).replaceAll("'", "'\\''")}'`),
    ];
    return [text, ...parts].join(" \\\n  ");
  }
  return curl({ method, url, headers: sent, body: bodyText(entry) });
}

export const isMultipart = (entry) => (entry.request.headers["content-type"] ?? "").startsWith("multipart/");

export function bodyText(entry) {
  const { body, headers } = entry.request;
  if (body === null || body === undefined) return undefined;
  if (typeof body === "string") return body;
  if ((headers["content-type"] ?? "").startsWith("application/x-www-form-urlencoded")) return String(new URLSearchParams(body));
  return JSON.stringify(body);
}

// What tells this request from others: its operation, and of its body what a person chose.
function matchOf({ request }) {
  const match = {};
  if (Object.keys(request.path_params).length) match.path_params = request.path_params;
  if (Object.keys(request.query).length) match.query = request.query;
  if (request.body !== null && typeof request.body === "object" && !request.body_cut) match.body = request.body;
  return match;
}

export function entryAsVerify(entry) {
  const match = matchOf(entry);
  const expected = { operation: entry.operation ?? "none", status: entry.answer.status ?? "none", ...(Object.keys(match).length ? { match } : {}), count: 1 };
  return { method: "POST", path: "/verify", body: expected };
}

export function entryAsFault(entry) {
  const { path_params: path } = entry.request;
  return {
    operation: entry.operation ?? "*",
    status: String(entry.answer.status >= 400 ? entry.answer.status : 503),
    match: Object.keys(path).length ? JSON.stringify({ path_params: path }) : "",
  };
}
