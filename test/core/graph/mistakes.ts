/** One small graph for each mistake that an author can make, and the one fault that it answers. */
import { NAME_CHARS_MAX } from "../../../src/limits.ts";
import { type Case, document, edge, position, saying, withLines } from "./case.ts";

export const CASES: Case[] = [
  {
    says: "a statement that is no statement",
    written: withLines("start [type]"),
    code: "syntax",
    fault: position(5, 12),
  },
  { says: "an empty text", written: { dot: " // nothing\n" }, code: "no_graph", fault: position(1, 1) },
  {
    says: "two graphs",
    written: { dot: "digraph a { }\ndigraph b { }" },
    code: "several_graphs",
    fault: position(2, 1),
  },
  {
    says: "an undirected graph",
    written: { dot: "graph g { start [type=plan]; draft [type=task]; start -- draft }" },
    code: "not_directed",
    fault: position(1, 1),
  },
  {
    says: "a name with a hyphen",
    written: withLines('start -> "re-draft"', '"re-draft" [type=task, kind=draft]'),
    code: "invalid_name",
    fault: { node: "re-draft", ...position(6, 1) },
  },
  {
    says: "a name that is too long",
    written: withLines(`start -> {${"x".repeat(NAME_CHARS_MAX + 1)} [type=task, kind=draft]}`),
    code: "invalid_name",
    fault: saying("shorten it to 200"),
  },
  {
    says: "a graph without a name",
    written: { dot: "digraph { start [type=plan, end=true] }" },
    code: "invalid_name",
    fault: position(1, 1),
  },
  {
    says: "a node that only an edge mentions",
    written: withLines("start -> darft"),
    code: "undeclared_node",
    fault: { node: "darft", ...position(5, 10) },
  },
  {
    says: "a node that only a group of an edge mentions",
    written: withLines("start -> {darft}"),
    code: "undeclared_node",
    fault: { node: "darft", ...position(5, 11) },
  },
  {
    says: "a node without a type",
    written: withLines("start -> redraft", "redraft"),
    code: "untyped_node",
    fault: { node: "redraft", ...position(6, 1) },
  },
  {
    says: "a node that a document has twice",
    written: { graph: document({ nodes: [...document({}).nodes, { name: "draft", type: "task" }] }) },
    code: "duplicate_node",
    fault: { node: "draft" },
  },
  {
    says: "a name used as plan and as task",
    written: withLines("start [type=task]"),
    code: "plan_and_task",
    fault: { node: "start", ...position(5, 1) },
  },
  {
    says: "a name used as plan and as task in a document",
    written: { graph: document({ nodes: [...document({}).nodes, { name: "draft", type: "plan" }] }) },
    code: "plan_and_task",
    fault: { node: "draft" },
  },
  {
    says: "an attribute that no node has",
    written: withLines("draft [tiemout=5]"),
    code: "unknown_attribute",
    fault: { node: "draft", ...position(5, 8), ...saying('did you mean "timeout"') },
  },
  {
    says: "an attribute that no edge has",
    written: withLines("draft -> check [wehn=x]", "check [type=plan, end=true]"),
    code: "unknown_attribute",
    fault: { ...edge("draft", "check"), ...position(5, 17), ...saying('did you mean "when"') },
  },
  {
    says: "an attribute that no graph has",
    written: withLines("iteration_max=5"),
    code: "unknown_attribute",
    fault: { ...position(5, 1), ...saying('did you mean "iterations_max"') },
  },
  {
    says: "a bound of the graph in a group",
    written: withLines("{ steps_max=5 }"),
    code: "unknown_attribute",
    fault: { ...position(5, 3), ...saying("top of the graph") },
  },
  {
    says: "attributes behind a group",
    written: withLines("{ start draft } [timeout=5]"),
    code: "unknown_attribute",
    fault: { ...position(5, 18), ...saying("begin the group") },
  },
  {
    says: "an unknown field of a document",
    written: { graph: document({ nodes: [{ name: "start", type: "plan", end: true, tpye: 1 }], edges: [] }) },
    code: "unknown_attribute",
    fault: { node: "start", ...saying("nodes\\[0\\]\\.tpye", 'did you mean "type"') },
  },
  ...["soon", "0ms", "16m", "-1", "1.5"].map(
    (timeout): Case => ({
      says: `a timeout of ${timeout}`,
      written: withLines(`draft [timeout="${timeout}"]`),
      code: "invalid_attribute",
      fault: { node: "draft", ...position(5, 8), ...saying("from 1ms to 15m") },
    }),
  ),
  ...["0", "21", "two"].map(
    (retry): Case => ({
      says: `${retry} attempts`,
      written: withLines(`draft [retry=${retry}]`),
      code: "invalid_attribute",
      fault: { node: "draft", ...saying("from 1 to 20") },
    }),
  ),
  ...[
    ['retry_backoff="2m"', "draft"],
    ['retry_never="a b"', "draft"],
    ["on_failure=maybe", "draft"],
    ["join=first", "start"],
    ['join="first: 0"', "start"],
    ['join="first: 1.5"', "start"],
    ['join="first: -1"', "start"],
    ["entry=yes", "start"],
    ["end=1", "start"],
    ['settings="[1]"', "draft"],
    ['settings="{"', "draft"],
  ].map(
    ([attribute = "", node = ""]): Case => ({
      says: `the attribute ${attribute}`,
      written: withLines(`${node} [${attribute}]`),
      code: "invalid_attribute",
      fault: { node, ...saying("write") },
    }),
  ),
  {
    says: "a type that there is not",
    written: withLines("start -> redraft", "redraft [type=taks]"),
    code: "invalid_attribute",
    fault: { node: "redraft", ...saying('"plan" or "task"') },
  },
  {
    says: "a wait over the longest wait",
    written: withLines('draft [retry=3, retry_backoff="10s", retry_backoff_max="5s"]'),
    code: "invalid_attribute",
    fault: { node: "draft", ...position(5, 17) },
  },
  {
    says: "a join on a task",
    written: withLines("draft [join=each]"),
    code: "invalid_attribute",
    fault: { node: "draft", ...saying("for plans") },
  },
  {
    says: "a bound over its ceiling",
    written: withLines("iterations_max=1001"),
    code: "invalid_attribute",
    fault: { ...position(5, 1), ...saying("from 1 to 1000") },
  },
  {
    says: "a when that nobody reads",
    written: withLines('start -> redraft [when="true"]', "redraft [type=task]"),
    code: "invalid_attribute",
    fault: { ...edge("start", "redraft"), ...position(5, 19), ...saying("conditional") },
  },
  {
    says: "a wrong type in a document",
    written: { graph: document({ timeout_ms: "30s" }) },
    code: "invalid_attribute",
    fault: saying("timeout_ms", "number"),
  },
  {
    says: "a document that is none",
    written: { graph: [] },
    code: "invalid_attribute",
    fault: saying("The document", "object"),
  },
  {
    says: "a document that nests 10,000 deep",
    written: { graph: JSON.parse(`${"[".repeat(10_000)}${"]".repeat(10_000)}`) },
    code: "invalid_attribute",
    fault: saying("100 levels"),
  },
  {
    says: "settings that nest 10,000 deep",
    written: withLines(
      "start -> echo",
      `echo [type=task, settings="{\\"value\\":${"[".repeat(10_000)}${"]".repeat(10_000)}}"]`,
    ),
    code: "invalid_attribute",
    fault: { node: "echo", ...saying("100 levels") },
  },
  {
    says: "a kind that is not registered",
    written: withLines("start -> other", "other [type=task, kind=rdraft]"),
    code: "unknown_kind",
    fault: { node: "other", ...position(6, 19), ...saying('registered are "draft", "redraft"') },
  },
  {
    says: "a plan whose own name is no kind",
    written: withLines("draft -> finish", "finish [type=plan, end=true]"),
    code: "unknown_kind",
    fault: { node: "finish", ...saying("set kind") },
  },
  {
    says: "an executor that is neither here nor elsewhere",
    written: withLines("start -> other", "other [type=task, executor=kafka]"),
    code: "invalid_attribute",
    fault: { node: "other", ...position(6, 19), ...saying('"rpc" or "external"') },
  },
  {
    says: "a setting of a node that is run elsewhere",
    written: withLines("start -> other", "other [type=task, executor=external, name=x]"),
    code: "unknown_attribute",
    fault: { node: "other", ...saying("takes no name") },
  },
  {
    says: "a kind of the other type",
    written: withLines("start -> other", "other [type=task, kind=check]"),
    code: "unknown_kind",
    fault: { node: "other", ...saying("it is a plan") },
  },
  {
    says: "a setting that the kind refuses",
    written: withLines("start -> m", "m [type=task, kind=model, name=x, temperature=9]"),
    code: "invalid_setting",
    fault: { node: "m", ...saying("temperature") },
  },
  {
    says: "a setting that is missing",
    written: withLines("start -> m", "m [type=task, kind=model]"),
    code: "invalid_setting",
    fault: { node: "m", ...saying("name") },
  },
  {
    says: "a setting that the kind does not have",
    written: withLines("start -> m", 'm [type=task, kind=model, settings="{\\"nmae\\": 1}"]'),
    code: "unknown_attribute",
    fault: { node: "m", ...position(6, 27), ...saying("settings\\.nmae", 'did you mean "name"') },
  },
  // The last is one that only fails when it is compiled.
  ...[
    ["score >", "1:7: found >"],
    ["(".repeat(20_000), "nests too deep"],
    [`1${"+1".repeat(20_000)} > 2`, "nests too deep"],
  ].map(
    ([when = "", said = ""]): Case => ({
      says: `an expression like ${when.slice(0, 10)}`,
      written: withLines(
        "conditional [type=plan]",
        "draft -> conditional",
        `conditional -> echo [when="${when}"]`,
        "echo [type=task]",
      ),
      code: "invalid_expression",
      fault: { ...edge("conditional", "echo"), ...position(7, 22), ...saying(said) },
    }),
  ),
  {
    says: "an edge back to its own node",
    written: withLines("draft -> draft"),
    code: "self_loop",
    fault: { ...edge("draft", "draft"), ...position(5, 1) },
  },
  {
    says: "an edge that is there twice",
    written: withLines("start -> draft"),
    code: "duplicate_edge",
    fault: { ...edge("start", "draft"), ...position(5, 1) },
  },
  {
    says: "an edge between plans",
    written: withLines("check [type=plan, end=true]", "draft -> check", "start -> check"),
    code: "same_kind_edge",
    fault: { ...edge("start", "check"), ...position(7, 1), ...saying("put a task between") },
  },
  {
    says: "an edge between tasks",
    written: withLines("redraft [type=task]", "draft -> redraft"),
    code: "same_kind_edge",
    fault: { ...edge("draft", "redraft"), ...saying("put a plan between") },
  },
  {
    says: "an edge to what a document does not have",
    written: { graph: document({ edges: [...document({}).edges, { from: "draft", to: "check" }] }) },
    code: "dangling_edge",
    fault: edge("draft", "check"),
  },
  {
    says: "an edge to an empty group",
    written: withLines("draft -> {}"),
    code: "dangling_edge",
    fault: position(5, 1),
  },
  {
    says: "a task with two upstream plans",
    written: withLines("check [type=plan]", "draft -> check", "check -> draft"),
    code: "several_upstream_plans",
    fault: { node: "draft", ...saying('"start", "check"') },
  },
  {
    says: "a task without an upstream plan",
    written: withLines("redraft [type=task]"),
    code: "no_upstream_plan",
    fault: { node: "redraft", ...position(5, 1) },
  },
  {
    says: "a plan that leads nowhere",
    written: withLines("check [type=plan]", "draft -> check"),
    code: "dead_end_plan",
    fault: { node: "check", ...position(5, 1), ...saying("end=.true") },
  },
  {
    says: "a graph in which every plan has an upstream",
    written: withLines("draft -> start"),
    code: "no_entry",
    fault: saying("entry=.true"),
  },
  {
    says: "a join that waits for more than one plan can send it",
    written: withLines(
      "start -> redraft -> check; redraft [type=task]; draft -> check; check -> echo -> check; echo [type=task]",
      'check [type=plan, join="first: 3"]',
    ),
    code: "join_unreachable",
    fault: { node: "check", ...position(6, 1), ...saying("first 3", "at most 2") },
  },
  {
    says: "a document in which a join waits for none",
    written: {
      graph: document({
        nodes: [
          { name: "start", type: "plan", join: { first: 0 } },
          { name: "draft", type: "task" },
        ],
      }),
    },
    code: "invalid_attribute",
    fault: { node: "start", ...saying("join", "write", '"first: 2"') },
  },
  {
    says: "a merge of branches that two entries begin",
    written: withLines(
      "parallel [type=plan]; parallel -> echo -> check; echo [type=task]; draft -> check",
      "check [type=plan, join=merge, end=true]",
    ),
    code: "no_common_plan",
    fault: { node: "check", ...position(6, 1), ...saying("the tasks of one plan") },
  },
  {
    says: "too many merges",
    written: withLines(
      ...many(65, (i) => `m${i} [type=plan, kind=check, join=merge, end=true]; draft -> m${i}`),
    ),
    code: "too_many_merges",
    fault: { node: "m64", ...saying("at most 64") },
  },
  {
    says: "a graph without nodes",
    written: { dot: "digraph g { }" },
    code: "no_entry",
    fault: saying("no nodes"),
  },
];
