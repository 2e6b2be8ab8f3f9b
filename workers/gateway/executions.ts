/** Executions, as the data plane has them. */
import { Api } from "./api.ts";

export const executions = new Api();
