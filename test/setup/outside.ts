// A server outside of workerd, on loopback, for what calls out: its path says how it answers.
import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import type { TestProject } from "vitest/node";
import { listen } from "../fixtures/loopback.ts";

declare module "vitest" {
  interface ProvidedContext {
    outside: string;
  }
}

type Answer = (request: IncomingMessage, response: ServerResponse, rest: string) => unknown;

const json = (response: ServerResponse, value: unknown) =>
  response.setHeader("content-type", "application/json; charset=utf-8").end(JSON.stringify(value));

const ANSWERS: Record<string, Answer> = {
  /** What it was asked. */
  echo: async (request, response) => {
    const { method, url, headers } = request;
    response.setHeader("etag", '"1"').setHeader("x-other", "left out");
    json(response, { method, url, headers, body: await text(request) });
  },
  /** `status/429/retry-after=3`. */
  status: (_, response, rest) => {
    const [status, header = ""] = rest.split("/");
    const [name = "", value = ""] = header.split("=");
    if (name !== "") response.setHeader(name, decodeURIComponent(value));
    response.writeHead(Number(status)).end(`no:\n  ${status}`);
  },
  text: (_, response) => response.setHeader("content-type", "text/plain").end("plain"),
  broken: (_, response) => response.setHeader("content-type", "application/json").end("{"),
  empty: (_, response) => response.writeHead(204).end(),
  /** So many bytes without saying how many. */
  bytes: (_, response, rest) => {
    response.write("");
    response.end("x".repeat(Number(rest)));
  },
  /** Never ends, so only a bound ends it. */
  endless: (_, response) => {
    const more = () => {
      while (!response.closed && response.write("x".repeat(10_000)));
    };
    response.on("drain", more);
    more();
  },
  cut: (_, response) => {
    response.setHeader("content-length", "100").write("only this");
    setImmediate(() => response.destroy());
  },
  hangs: () => {},
  /** `redirect/307/2`: two more, then `echo`. `redirect/307/https://…` goes there. */
  redirect: (_, response, rest) => {
    const [status = "", ...more] = rest.split("/");
    const to = decodeURIComponent(more.join("/"));
    const left = Number(to);
    const location = Number.isNaN(left) ? to : left > 0 ? `/redirect/${status}/${left - 1}` : "/echo";
    response.writeHead(Number(status), { location }).end();
  },
};

export const setup = async (project: TestProject) => {
  const server = await listen((request, response) => {
    const [, name = "", rest = ""] = /^\/(\w+)\/?([^?]*)/.exec(request.url ?? "") ?? [];
    const answer = ANSWERS[name];
    if (answer) void answer(request, response, rest);
    else response.writeHead(404).end("nothing here");
  });
  project.provide("outside", server.url);
  return () => server[Symbol.dispose]();
};
