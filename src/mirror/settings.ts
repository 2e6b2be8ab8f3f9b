/** What a tenant mirrors to and from Kafka: its own choices over what holds where it has made none. */
import { create } from "@bufbuild/protobuf";
import { TOPIC_NAMES, type Topic } from "../topics/topics.ts";
import { KeyMode, type Settings, SettingsSchema } from "../wire/gen/escapement/bridge/v1/frame_pb.ts";
import { wireTopic } from "./frame.ts";

export const KEY_MODES = ["node", "graph_node"] as const;
/** Those of nodes that Kafka executes, or those of every node. */
export const MIRRORED_INPUTS = ["kafka", "all"] as const;
/** Where the storage is nearly full and Kafka is behind. */
export const AT_THRESHOLD = ["refuse_starts", "drop_mirror"] as const;

export interface MirrorSettings {
  readonly keyMode: (typeof KEY_MODES)[number];
  /** Edge to Kafka, and Kafka to edge. */
  readonly out: readonly Topic[];
  readonly in: readonly Topic[];
  readonly inputs: (typeof MIRRORED_INPUTS)[number];
  /** Whether plan inputs of producers start lifetimes here; of the deployments on one Kafka it is one. */
  readonly takesStarts: boolean;
  readonly onPremisesDataPlane: boolean;
  readonly atThreshold: (typeof AT_THRESHOLD)[number];
}

/** The same, as its JSON. */
export interface MirrorView {
  readonly key_mode: MirrorSettings["keyMode"];
  readonly out: Topic[];
  readonly in: Topic[];
  readonly inputs: MirrorSettings["inputs"];
  readonly takes_starts: boolean;
  readonly on_premises_data_plane: boolean;
  readonly at_threshold: MirrorSettings["atThreshold"];
}

export const MIRROR_SETTINGS: MirrorSettings = {
  keyMode: "node",
  out: TOPIC_NAMES,
  in: TOPIC_NAMES,
  inputs: "kafka",
  takesStarts: true,
  onPremisesDataPlane: false,
  atThreshold: "refuse_starts",
};

export const mirrorSettings = (own: Partial<MirrorSettings> = {}): MirrorSettings => ({
  ...MIRROR_SETTINGS,
  ...own,
});

export const settingsFrame = (deployment: string, settings: MirrorSettings): Settings =>
  create(SettingsSchema, {
    deployment,
    keyMode: settings.keyMode === "node" ? KeyMode.NODE : KeyMode.GRAPH_NODE,
    out: settings.out.map(wireTopic),
    in: settings.in.map(wireTopic),
    takesStarts: settings.takesStarts,
    onPremisesDataPlane: settings.onPremisesDataPlane,
  });
