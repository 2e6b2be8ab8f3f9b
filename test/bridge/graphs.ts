// A graph of which Kafka executes nothing.
export const ECHO = `digraph echo {
  begin [type=plan, kind=parallel]
  say [type=task, kind=transform, expression="1"]
  begin -> say
}`;
