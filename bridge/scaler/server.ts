/**
 * KEDA's external scaler, over gRPC: executors on premises scale with their open inputs, to zero too. The trigger's
 * metadata says whose: `tenant`, and where wanted `node`, `kind`, `graph`, and `inputsPerReplica`.
 */
import { createServer } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { z } from "zod";
import { ExternalScaler, type ScaledObjectRef } from "../../src/wire/gen/externalscaler/externalscaler_pb.ts";
import type { Gateway } from "../gateway.ts";
import { openInputs, wantedSchema } from "./open-inputs.ts";

const METRIC = "escapement-open-inputs";
const INPUTS_PER_REPLICA = 10;
/** Between two looks of a stream. */
const LOOK_MS = 2_000;

const metadata = wantedSchema.extend({
  inputsPerReplica: z.coerce.number().positive().default(INPUTS_PER_REPLICA),
});

const read = (reference: ScaledObjectRef | undefined): z.infer<typeof metadata> => {
  const parsed = metadata.safeParse(reference?.scalerMetadata ?? {});
  if (parsed.success) return parsed.data;
  const said = parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ");
  throw new ConnectError(`the trigger's metadata: ${said}`, Code.InvalidArgument);
};

const routes = (gateway: Gateway) => (router: ConnectRouter) => {
  const depth = async (reference: ScaledObjectRef | undefined): Promise<number> => {
    const wanted = read(reference);
    return openInputs(gateway, wanted).catch((error) => {
      throw new ConnectError(String(error), Code.Unavailable);
    });
  };
  router.service(ExternalScaler, {
    isActive: async (reference) => ({ result: (await depth(reference)) > 0 }),
    async *streamIsActive(reference, { signal }) {
      for (let told: boolean | undefined; !signal.aborted; ) {
        const result = (await depth(reference)) > 0;
        if (result !== told) yield { result };
        told = result;
        await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
      }
    },
    getMetricSpec: (reference) => {
      const { inputsPerReplica } = read(reference);
      const targetSize = BigInt(Math.ceil(inputsPerReplica));
      return { metricSpecs: [{ metricName: METRIC, targetSize, targetSizeFloat: inputsPerReplica }] };
    },
    getMetrics: async ({ scaledObjectRef }) => {
      const inputs = await depth(scaledObjectRef);
      return {
        metricValues: [{ metricName: METRIC, metricValue: BigInt(inputs), metricValueFloat: inputs }],
      };
    },
  });
};

export const startScaler = (
  gateway: Gateway,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<{ readonly port: number; close(): void }> => {
  const server = createServer(connectNodeAdapter({ routes: routes(gateway) }));
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      const address = server.address();
      const bound = typeof address === "object" && address ? address.port : port;
      resolve({ port: bound, close: () => void server.close() });
    });
  });
};
