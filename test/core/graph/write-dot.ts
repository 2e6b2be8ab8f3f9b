/** A document as DOT, for the round trip. Only for tests: it writes what the parser has to read. */
import type { GraphDocument, NodeDocument } from "../../../src/graph/document.ts";

const quoted = (text: string): string => `"${text.replaceAll('"', '\\"')}"`;

/** In a label a backslash has to be doubled, and a line end is \n. */
const label = (text: string): string => quoted(text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n"));

/** DOT cannot write a backslash before a quote, so JSON spells both by their code. */
const json = (value: unknown): string =>
  quoted(
    JSON.stringify(value).replace(/\\(["\\])/g, (_, escaped: string) =>
      escaped === '"' ? "\\u0022" : "\\u005c",
    ),
  );

const list = (attributes: Record<string, string | number | boolean | undefined>): string =>
  Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`)
    .join(", ");

const nodeLine = (node: NodeDocument): string =>
  `${node.name} [${list({
    type: node.type,
    kind: node.kind,
    label: node.label === undefined ? undefined : label(node.label),
    timeout: node.timeout_ms,
    retry: node.retry?.attempts,
    retry_backoff: node.retry?.backoff_ms === undefined ? undefined : quoted(`${node.retry.backoff_ms}ms`),
    retry_backoff_max: node.retry?.backoff_ms_max,
    retry_never: node.retry?.never && quoted(node.retry.never.join(", ")),
    join: typeof node.join === "object" ? quoted(`first: ${node.join.first}`) : node.join,
    on_failure: node.on_failure,
    entry: node.entry,
    end: node.end,
    settings: node.settings && json(node.settings),
    estimate_tokens: node.estimate?.tokens,
    estimate_cost_usd_micros: node.estimate?.cost_usd_micros,
    estimate_time: node.estimate?.ms,
  })}]`;

export const writeDot = (document: GraphDocument): string =>
  [
    `digraph ${document.name} {`,
    `graph [${list({
      ...document.limits,
      timeout: document.timeout_ms,
      timeout_while_paused: document.timeout_while_paused,
      label: document.label === undefined ? undefined : label(document.label),
    })}]`,
    ...document.nodes.map(nodeLine),
    ...document.edges.map(
      ({ from, to, when }) => `${from} -> ${to} [${when ? `when=${quoted(when)}` : ""}];`,
    ),
    "}",
  ].join("\n");
