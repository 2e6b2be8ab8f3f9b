/** What became of a message that somebody produced, and why where it does not count. */

/** What became of a message that somebody produced. */
export type Disposition =
  | { readonly outcome: "recorded"; readonly exec_id: string; readonly offset: number }
  | { readonly outcome: "stray"; readonly reason: StrayReason; readonly exec_id: string }
  | { readonly outcome: "dead_letter"; readonly reason: DeadLetterReason }
  | { readonly outcome: "ignored"; readonly reason: IgnoredReason };

/** Why something from Kafka is not even kept. */
export const IGNORED_REASONS = [
  /** This deployment has written it. */
  "echo",
  /** It was taken in before: what is below a mark, and what starts a lifetime that is there. */
  "redelivered",
  "duplicate",
  /** It matches nothing here, and is another deployment's to take. */
  "not_ours",
  /** The tenant takes nothing in of its topic. */
  "disabled",
] as const;
export type IgnoredReason = (typeof IGNORED_REASONS)[number];

/** An answer that came, was understood, and is not the one that counts. */
export type StrayReason = "late" | "duplicate" | "unknown" | "unfinished";
/** A message that nothing can be done with, kept for people. */
export const DEAD_LETTER_REASONS = [
  "undecodable",
  "uncorrelated",
  "wrong_tenant",
  "internal",
  /** In the log, and refused by D1. */
  "unprojectable",
  /** In the log, and refused by Kafka. */
  "undeliverable",
  /** A start from Kafka of a graph that is not there, or not active. */
  "graph_not_found",
  /** One that does not say of which graph. */
  "ambiguous_graph",
  /** A start from Kafka whose answer could not be told by its parents. */
  "uncorrelatable",
] as const;
export type DeadLetterReason = (typeof DEAD_LETTER_REASONS)[number];
