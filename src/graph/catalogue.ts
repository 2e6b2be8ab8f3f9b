/** What validation asks of the executors: which kinds exist, and what settings each takes. */
import type { JsonObject } from "@bufbuild/protobuf";
import type { Result } from "../result.ts";
import type { Kind } from "../topics/topics.ts";

export interface KindEntry {
  readonly name: string;
  readonly type: Kind;
  /** Names of the settings that it takes; an attribute of another name is unknown. */
  readonly settingNames: readonly string[];
  /** Checks and completes settings; DOT gives every value as a string, so it coerces. One sentence a fault. */
  readonly parseSettings: (settings: JsonObject) => Result<JsonObject, readonly string[]>;
  /** Whether the edges that leave this plan may carry a `when` expression. */
  readonly readsWhen?: boolean;
  /** The longest timeout of a node of this kind, and what one has that says nothing; that of a call where absent. */
  readonly timeoutMsMax?: number;
}

export interface Catalogue {
  find(type: Kind, kind: string): KindEntry | undefined;
  /** For a message that names what there is. */
  names(type: Kind): readonly string[];
}
