/** What a tenant mirrors to and from Kafka, as its JSON. */
import { z } from "@hono/zod-openapi";
import {
  AT_THRESHOLD,
  KEY_MODES,
  MIRRORED_INPUTS,
  type MirrorSettings,
  type MirrorView,
} from "../../src/mirror/settings.ts";
import { TOPIC_NAMES, type Topic } from "../../src/topics/topics.ts";

const topics = z.array(z.enum(TOPIC_NAMES as [Topic, ...Topic[]]));

export const mirrorSchema = z
  .strictObject({
    key_mode: z.enum(KEY_MODES).openapi({ description: "Name of the node, or graph and node" }),
    out: topics.openapi({ description: "Topics that go to Kafka" }),
    in: topics.openapi({ description: "Topics that come from Kafka" }),
    inputs: z.enum(MIRRORED_INPUTS).openapi({ description: "Those of nodes that Kafka executes, or all" }),
    takes_starts: z
      .boolean()
      .openapi({ description: "Whether plan inputs of producers start lifetimes here" }),
    on_premises_data_plane: z.boolean().openapi({ description: "Whether persisted executions are answers" }),
    at_threshold: z
      .enum(AT_THRESHOLD)
      .openapi({ description: "Where the storage is nearly full and Kafka is behind" }),
  })
  .openapi("Mirror");

type Given = { readonly [Name in keyof MirrorView]?: MirrorView[Name] | undefined };

export const mirrorOf = (json: Given): Partial<MirrorSettings> => ({
  ...(json.key_mode && { keyMode: json.key_mode }),
  ...(json.out && { out: json.out }),
  ...(json.in && { in: json.in }),
  ...(json.inputs && { inputs: json.inputs }),
  ...(json.takes_starts !== undefined && { takesStarts: json.takes_starts }),
  ...(json.on_premises_data_plane !== undefined && { onPremisesDataPlane: json.on_premises_data_plane }),
  ...(json.at_threshold && { atThreshold: json.at_threshold }),
});
