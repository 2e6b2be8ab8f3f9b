/** `npm run bridge -- doctor`: looks at all that the bridge needs, and says what to do. */
import { Gateway } from "../gateway.ts";
import type { Settings } from "../settings.ts";
import { lineOf } from "./check.ts";
import { lookAtGateway } from "./gateway.ts";
import { lookAtKafka } from "./kafka.ts";

/** Whether nothing failed. */
export const doctor = async (settings: Settings, say: (line: string) => void): Promise<boolean> => {
  const gateway = await lookAtGateway(settings);
  for (const finding of gateway) say(lineOf(finding));
  const tenants = await new Gateway(settings.gateway).tenants().catch(() => []);
  const wanted = tenants.filter((tenant) => settings.tenants?.has(tenant) ?? true);
  const kafka = await lookAtKafka(settings, wanted);
  for (const finding of kafka) say(lineOf(finding));
  return [...gateway, ...kafka].every(({ level }) => level !== "fail");
};
