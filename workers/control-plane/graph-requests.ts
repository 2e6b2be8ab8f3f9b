/** What is asked of the graphs of a tenant: answered as the gateway shows them. */
import type { Answer, GraphDetail, GraphView } from "../../src/control-plane/tenant.ts";
import { reject } from "../../src/rejection.ts";
import { ok } from "../../src/result.ts";
import type { Engine } from "./engine.ts";
import type { Entrance } from "./entrance.ts";
import { pause, pausedOf, resume } from "./pausing.ts";
import { type Registration, registerGraph, type StatusChange, setGraphStatus } from "./registration.ts";

export class GraphRequests {
  readonly #engine: Engine;
  readonly #entrance: Entrance;

  constructor(engine: Engine, entrance: Entrance) {
    this.#engine = engine;
    this.#entrance = entrance;
  }

  async register(request: Registration): Promise<Answer<GraphView & { created: boolean }>> {
    const { graphs } = this.#engine.parts;
    const registered = await this.#entrance.ask((turn) => {
      const may = this.#engine.room.mayArrive();
      return may.ok ? registerGraph(turn, request, graphs) : may;
    });
    if (!registered.ok) return registered;
    const { graph, version, created } = registered.value;
    const view = graphs.find(graph, version);
    return view
      ? ok({ ...this.#shown(view), created })
      : reject("internal", `version ${version} of ${graph} was not stored`);
  }

  list(after: string, limit: number): Answer<readonly GraphView[]> {
    const entered = this.#entrance.enter();
    return entered.ok ? ok(this.#engine.parts.graphs.list(after, limit).map(this.#shown)) : entered;
  }

  versions(graph: string): Answer<readonly GraphView[]> {
    const entered = this.#entrance.enter();
    if (!entered.ok) return entered;
    const versions = this.#engine.parts.graphs.versions(graph);
    return versions.length > 0
      ? ok(versions.map(this.#shown))
      : reject("graph_not_found", `no graph ${graph}; register it first`);
  }

  detail(graph: string, version?: number): Answer<GraphDetail> {
    const entered = this.#entrance.enter();
    if (!entered.ok) return entered;
    const detail = this.#engine.parts.graphs.detail(graph, version);
    return detail
      ? ok(this.#shown(detail))
      : reject("graph_not_found", `no graph ${graph}, or not this version of it`);
  }

  async setStatus(change: StatusChange): Promise<Answer<readonly GraphView[]>> {
    const { graphs } = this.#engine.parts;
    const moved = await this.#entrance.ask((turn) => setGraphStatus(turn, change, graphs));
    if (!moved.ok) return moved;
    const versions = graphs.versions(change.graph);
    const now = versions.filter((each) => moved.value.some((was) => was.version === each.version));
    return ok(now.map(this.#shown));
  }

  async pause(graph: string, detail: string, by?: string): Promise<Answer<readonly GraphView[]>> {
    const known = this.versions(graph);
    if (!known.ok) return known;
    const paused = await this.#entrance.ask((turn) => ok(pause(turn, graph, detail, by)));
    return paused.ok ? this.versions(graph) : paused;
  }

  async resume(graph: string, by?: string): Promise<Answer<readonly GraphView[]>> {
    const resumed = await this.#entrance.ask((turn) => ok(resume(turn, graph, by)));
    return resumed.ok ? this.versions(graph) : resumed;
  }

  readonly #shown = <View extends GraphView>(view: View): View => ({
    ...view,
    ...pausedOf(this.#engine.parts.holds.current, view.graph),
  });
}
