import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { ConnectionError } from "./errors.js";

export interface Answer {
  status: number;
  text: string;
}

export interface Call {
  body?: unknown;
  token?: string | undefined;
  /** Milliseconds without a byte from the server before the call fails. */
  timeoutMs: number;
}

/**
 * One call, on a connection of its own: a kept one could be closed by the server as the next call begins.
 *
 * Not `fetch`: tests replace it, jsdom lacks it, and Node.js can be told to send it through the proxy of the
 * environment, even to reach this machine. `agent: false` never uses a proxy. The time limit is the socket's,
 * which fake timers do not stop.
 */
export function call(method: string, url: string, { body, token, timeoutMs }: Call): Promise<Answer> {
  const target = new URL(url);
  const content = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const headers: Record<string, string | number> = {};
  if (token !== undefined) headers["Authorization"] = `Bearer ${token}`;
  if (content !== undefined) {
    headers["Content-Type"] = "application/json";
    headers["Content-Length"] = content.length;
  }
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      const reason = error.code ?? error.message;
      reject(new ConnectionError(`No answer from Audience Mock at ${target.origin}: ${reason}`, { cause: error }));
    };
    const receive = (response: IncomingMessage): void => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => (text += part));
      response.on("error", fail);
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    };
    const send = target.protocol === "https:" ? requestHttps : requestHttp;
    const request = send(target, { method, headers, agent: false, timeout: timeoutMs }, receive);
    request.on("timeout", () => request.destroy(new Error(`nothing for ${timeoutMs} ms`)));
    request.on("error", fail);
    request.end(content);
  });
}
