// The nodes of the new deployment.
import { nodesOf } from "./nodes.ts";

export const nodes = nodesOf("new");
