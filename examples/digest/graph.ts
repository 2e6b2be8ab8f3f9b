/** Four readers share the documents, and one digest waits for all of them. */
import { graph } from "../../src/graph/builder.ts";

const READERS = ["reader_1", "reader_2", "reader_3", "reader_4"] as const;

const built = graph("digest", { label: "Read documents side by side, and digest them together" })
  .plan("share_out")
  .task("reader_1", { kind: "read", settings: { page_ms: 60 } })
  .task("reader_2", { kind: "read", settings: { page_ms: 90 } })
  .task("reader_3", {
    kind: "read",
    settings: { page_ms: 40, stumbles: true },
    retry: { attempts: 3, backoffMs: 150 },
  })
  .task("reader_4", { kind: "read", settings: { page_ms: 120 } })
  .plan("all_read", { kind: "parallel" })
  .task("digest")
  .edge("share_out", READERS)
  .edge(READERS, "all_read")
  .edge("all_read", "digest");

export const digestGraph = built.document;
