// The nodes of the old deployment.
import { nodesOf } from "./nodes.ts";

export const nodes = nodesOf("old");
