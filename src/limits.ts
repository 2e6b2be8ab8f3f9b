/** Every bound of the runtime, with its unit and its reason. A graph may lower or raise what `Bounds` names. */

const KIB = 1024;
const SECOND = 1_000;

// Graphs
/** A text that people write and review; the parser's work grows with it. */
export const GRAPH_TEXT_BYTES_MAX = 1024 * KIB;
/** Names, values and signs of a DOT text; each takes up to 400 bytes while it is read, of the 128 MB of an isolate. */
export const GRAPH_WORDS_MAX = 250_000;
/** Keeps validation under a second and the stored version under the object's 2 MB a row. */
export const GRAPH_NODES_MAX = 5_000;
export const GRAPH_EDGES_MAX = 20_000;
/** The stored version, complete with its defaults, is one row of at most 2 MB beside its other columns. */
export const GRAPH_DOCUMENT_BYTES_MAX = 1_900 * KIB;
/** Plans with join `merge`: each may be counted in every wave of a lifetime. */
export const GRAPH_MERGES_MAX = 64;
/** Groups within groups; the parser recurses into them, and no author needs more. */
export const GRAPH_GROUP_DEPTH_MAX = 100;
/** Attributes and members of groups, with defaults and groups written out: what a short DOT text may take of memory. */
export const GRAPH_DRAFT_ENTRIES_MAX = 500_000;
/** The parser recurses for every error that it recovers from, and nobody mends more at a time. */
export const GRAPH_SYNTAX_FAULTS_MAX = 50;
/** Faults in one answer, the first in the order of the text; a short default can be wrong on every node. */
export const GRAPH_FAULTS_MAX = 1_000;
/** Names of graphs and nodes travel in every message and are keys of topics. */
export const NAME_CHARS_MAX = 200;

// Lifetimes: defaults and ceilings of what a graph may ask for
/** Passes through one node. A loop that needs more than this is nearly always one that makes no progress. */
export const ITERATIONS_MAX = 1_000;
/** Tasks that one plan execution may launch: a wave is committed in one transaction. */
export const FAN_OUT_MAX = 1_000;
/** Inputs without an answer in one lifetime; bounds what a cancel has to close in one transaction. */
export const OUTSTANDING_MAX = 10_000;
/** Executions in one lifetime; the backstop behind all other bounds. */
export const STEPS_MAX = 100_000;
/** A day: an agent that a person waits for ends long before. */
export const LIFETIME_TIMEOUT_MS = 86_400 * SECOND;
/** 30 days; timers are kept in milliseconds and a lifetime pins its log records. */
export const LIFETIME_TIMEOUT_MS_MAX = 30 * 86_400 * SECOND;

/** Signals that a lifetime keeps for waits to come; with the bound of each, what it pins of the log: 8 MiB. */
export const SIGNALS_KEPT_MAX = 64;
/** Ranges of withdrawn inputs that a lifetime remembers: a race withdraws one or two, and answers come within a lease. */
export const WITHDRAWN_RANGES_MAX = 32;

// Approvals
/** Who may answer one, and how many have to agree: a committee, kept with the state of a lifetime while it is open. */
export const APPROVERS_MAX = 50;
/** A line, and a page, of what is asked. */
export const APPROVAL_TITLE_CHARS_MAX = 500;
export const APPROVAL_TEXT_CHARS_MAX = 10_000;
/** A few sentences; each is kept with the state while the approval is open. */
export const APPROVAL_COMMENT_CHARS_MAX = 2_000;
/** A form that people fill in; it stands in the record of each approval. */
export const ANSWER_SCHEMA_BYTES_MAX = 16 * KIB;
/** Of an answer or a changed input: it is kept with the state while others still have to agree to it. */
export const APPROVAL_EDIT_BYTES_MAX = 64 * KIB;
/** The id of a lifetime, which may have been given, and two numbers. */
export const APPROVAL_ID_CHARS_MAX = NAME_CHARS_MAX + 40;
/** A week: a link that lies about longer is found by others. */
export const APPROVAL_LINK_MS_MAX = 7 * 86_400 * SECOND;
export const APPROVAL_LINK_MS = 86_400 * SECOND;

// Nodes
/** A model call with tools ends within a minute or has gone wrong. */
export const NODE_TIMEOUT_MS = 60 * SECOND;
/** One RPC to an executor stays open this long at the most. */
export const NODE_TIMEOUT_MS_MAX = 15 * 60 * SECOND;
export const RETRY_ATTEMPTS_MAX = 20;
/** Attempts of one input, over all retries of its lifetime: an execution id has six bits for them. */
export const ATTEMPTS_MAX = 63;
export const RETRY_BACKOFF_MS = 500;
export const RETRY_BACKOFF_MS_MAX = 60 * SECOND;
/** What a failure may ask to wait before the next attempt, as a rate limit does; a longer wait is for people. */
export const RETRY_ASKED_MS_MAX = 3_600 * SECOND;
/** What the executor's own timeout is given to arrive before the control plane ends the attempt itself. */
export const LEASE_MARGIN_MS = 1 * SECOND;
/** The same attempt is sent again when its executor vanished, this often, before it counts as failed. */
export const REDISPATCHES_MAX = 5;
/** Likewise when the object was started anew: a deploy or an eviction is no fault of the input, but an input may be why. */
export const RESTARTS_MAX = 100;
/** An input whose node is in no deployed code is tried again after this at first, and at last after the other. */
export const MISSING_WAIT_MS_MIN = 1 * SECOND;
export const MISSING_WAIT_MS_MAX = 60 * SECOND;

// Budgets
/** Of a tenant: each that a step counts for is looked at before the step, and written after it. */
export const BUDGETS_MAX = 100;
/** Of one budget, in its unit; sums of limits and of what is asked for stay safe integers. */
export const BUDGET_LIMIT_MAX = 2 ** 46;
/** Of one attempt: a thousand billion tokens, or a million dollars. */
export const ESTIMATE_MAX = 2 ** 40;
export const BUDGET_THRESHOLDS_MAX = 10;
/** Until the first look for room that others may leave of what is reserved for them; each is a step of a paused lifetime. */
export const BUDGET_LOOK_MS = 5 * SECOND;
/** Between two later ones, which double the wait each time: some 150 a day. */
export const BUDGET_LOOK_MS_MAX = 600 * SECOND;
/** What a task is taken to use, by one attempt, of whom nothing is declared and too little is known yet. */
export const ESTIMATE_TOKENS = 1_000;
export const ESTIMATE_COST_USD_MICROS = 10_000;
export const ESTIMATE_MS = 1 * SECOND;
/** Below it one odd execution would stand for all. */
export const SKETCH_SAMPLES_MIN = 8;
/** Then what is known counts half, so that an estimate follows a node that changes. */
export const SKETCH_SAMPLES_MAX = 512;
/** Nodes whose use is learned; of others the default is taken. Some 200 bytes each. */
export const SKETCHES_MAX = 2_000;
/** Attempts charged by estimate whose late answer is waited for, over all lifetimes of a tenant. */
export const LATE_CHARGES_MAX = 1_000;

// Executors
/** Answers that come within this go back together with the call; longer would hold up the quick ones. */
export const GRACE_MS = 5;
/** Heartbeats passed on in a node's timeout, however many it sends: each costs the control plane a write. */
export const HEARTBEATS_A_TIMEOUT = 4;
/** JSON of how far a node has come; kept in memory for each input at work, and sent to everyone who follows. */
export const PROGRESS_BYTES_MAX = 4 * KIB;
/** Progress of one input passed on at most this often: as fast as people read. */
export const PROGRESS_MS = 1 * SECOND;
/** Tasks `http` in one call: an invocation may have six connections that wait for their headers. */
export const HTTP_INPUTS_A_CALL_MAX = 6;
/** Of an answer, where its node says nothing. */
export const HTTP_RESPONSE_BYTES = 1024 * KIB;
/** Six of them, as text and as JSON, fit an isolate's 128 MB. */
export const HTTP_RESPONSE_BYTES_MAX = 4 * 1024 * KIB;
/** Of a body that says why a request failed. */
export const HTTP_EXCERPT_BYTES_MAX = 500;
export const HTTP_REDIRECTS_MAX = 5;
export const HTTP_HEADERS_MAX = 50;
/** Compiled expressions in memory: some 10 KiB each. */
export const COMPILED_EXPRESSIONS_MAX = 1_000;

// Payloads
/** What travels inside a message; a result over it goes to a blob, and the message refers to it. */
export const INLINE_BYTES_MAX = 128 * KIB;
/** One result: what is larger is a matter for a store of its own. It is moved in parts, and never held whole by us. */
export const RESULT_BYTES_MAX = 64 * 1024 * KIB;
/** Results loaded at a time for nodes that read values: text and value of them, in an isolate's 128 MB. */
export const LOADED_BYTES_MAX = 64 * 1024 * KIB;
/** What a plan gives its tasks stands in the message itself, and decoders refuse messages nested over 100 deep. */
export const PARAMETERS_DEPTH_MAX = 30;
/** An input put together from results stays under a broker's usual 1 MB record. */
export const INPUT_BYTES_MAX = 900 * KIB;
/** Executions that one plan gets inside its input: what it decides, and gives its tasks, has to fit in with theirs. */
export const RESULTS_BYTES_MAX = INPUT_BYTES_MAX - 2 * INLINE_BYTES_MAX;
/** One arriving message: an execution with its upstream results, under the object's 2 MB a row. */
export const MESSAGE_BYTES_MAX = 1024 * KIB;
/** Warnings kept with one execution: a plan that names ten thousand unknown tasks has one mistake, not that many. */
export const WARNINGS_MAX = 20;
/** A foreign execution id is kept as it came, in the state and in every input that follows from it. */
export const EXEC_ID_CHARS_MAX = 200;
/** An error message is for people; the rest of it is cut off. */
export const ERROR_MESSAGE_CHARS_MAX = 4_096;

// Executors
/** Nodes whose settings an isolate keeps checked: those of the graphs in use, a few hundred bytes each. */
export const RESOLVED_NODES_MAX = 1_000;

// HTTP
export const BODY_BYTES_MAX = 1024 * KIB;
/** Paths whose route an isolate remembers, some 4 KB each with its parameters. */
export const ROUTES_KEPT_MAX = 500;
/** Deeper JSON is a mistake or an attack, and recursion over it would end in a stack overflow. */
export const JSON_DEPTH_MAX = 100;
export const PAGE_ITEMS = 50;
export const PAGE_ITEMS_MAX = 1_000;
/** Tenants asked for one answer of metrics: each is a call, and some 10 KB of text. */
export const METRICS_TENANTS_MAX = 100;
/** What an export reads at a time; less, where PAGE_BYTES_MAX says so. */
export const EXPORT_PAGE_ITEMS = 100;
/** Pages of one export: a tenth of the subrequests that an invocation has by default, and seconds of D1's CPU. */
export const EXPORT_PAGES_MAX = 500;
/** A page ends early over it, of messages as of rows: far below the 32 MiB that RPC allows, and an isolate's 128 MB. */
export const PAGE_BYTES_MAX = 4 * 1024 * KIB;
/** Below the idle timeout of usual proxies. */
export const WAIT_MS_MAX = 60 * SECOND;
export const IDEMPOTENCY_KEY_CHARS_MAX = 255;
export const IDEMPOTENCY_MS = 24 * 3_600 * SECOND;
/** Our longest is a few hundred; a longer one is none of ours. */
export const CURSOR_CHARS_MAX = 4_096;
/** What a caller is told to wait who may come again. */
export const RETRY_AFTER_MS = 1 * SECOND;
/** A sentence or two, kept with the lifetime. */
export const CANCEL_REASON_CHARS_MAX = 1_000;
export const PAUSE_REASON_CHARS_MAX = 1_000;
/** Outstanding inputs that a lifetime's view tells of; how many there are it says. */
export const WHY_INPUTS_MAX = 20;
export const LABELS_MAX = 32;
export const LABEL_CHARS_MAX = 256;

// The object
/** What one transaction takes in: long enough to share a commit, short enough to leave the thread free. */
export const BATCH_EVENTS_MAX = 512;
/** What records of one commit share a row; who wants one of them reads all. With a larger one the row is still far below 2 MB. */
export const PACK_BYTES_MAX = 128 * KIB;
/** Inputs at executors at once, over all lifetimes of the object; the rest wait in the log. */
export const IN_FLIGHT_INPUTS_MAX = 1_024;
/** Inputs in one RPC: its message stays far below the 32 MiB that RPC allows. */
export const DISPATCH_INPUTS_MAX = 64;
export const DISPATCH_BYTES_MAX = 8 * 1024 * KIB;
/** Messages kept in memory, so that putting an input together does not read what was just written. */
export const RECENT_BYTES_MAX = 4 * 1024 * KIB;
/** States of lifetimes kept in memory: about 1 KiB each of an isolate's 128 MB. */
export const CACHED_LIFETIMES_MAX = 10_000;
/** Of messages and changes, by which the log may be ahead of the row of a state: a start reads up to twice as much. */
export const REDO_BYTES_MAX = 4 * 1024 * KIB;
/** Of a state in one row, which holds 2 MB; what people write when they approve may be long. */
export const STATE_TEXT_CHARS_MAX = 256 * KIB;
/** Characters of what a turn has changed of states: they share a row of at most 2 MB with a record. */
export const REDO_TURN_CHARS_MAX = 128 * KIB;
/** States whose rows the log is ahead of: all are in memory, so far fewer than are kept there. */
export const REDO_LIFETIMES_MAX = 4_096;
/** Lifetimes that learn in one turn that their tenant was paused or resumed: each may then issue a whole wave. */
export const ALIGN_LIFETIMES = 100;
/** Arrivals that wait for the next commit; over it callers are told to come back. */
export const INBOX_EVENTS_MAX = 20_000;
/** Milliseconds since the epoch: the platform counts nanoseconds in 64 bits, which end in 2262. */
export const ALARM_AT_MAX = 9_000_000_000_000;
/**
 * Milliseconds in which something was appended that are remembered, to say how long a step took: 1 MB, and exact
 * for the last minute of an object that is never idle.
 */
export const OFFSET_TIMES_MAX = 65_536;

// Room in the object
/** What SQLite of one object may hold. */
export const STORAGE_BYTES_MAX = 10_000_000_000;
/** Shares of it: alarmed, so that somebody has the time to make room. */
export const STORAGE_HALF = 0.5;
/** Nothing starts; what runs has a fifth of the storage to end in. */
export const STORAGE_STARTS = 0.8;
/** No input is sent any more; the last tenth is for answers to what is out, and for deleting. */
export const STORAGE_HOLDS = 0.9;
/** Room comes with the next trim or with somebody who deletes, neither of which takes seconds. */
export const STORAGE_RETRY_AFTER_MS = 60 * SECOND;
/** Of messages that D1 does not have yet, a fifth of the storage: hours of a usual tenant without D1. */
export const BACKLOG_BYTES_MAX = 2_000_000_000;
/**
 * How long the records of a lifetime stay in the log after its end: a reader who was away for a night reads on.
 * D1 has them for ever. A tenant may set its own.
 */
export const LOG_RETENTION_MS = 86_400 * SECOND;
export const LOG_RETENTION_MS_MAX = 30 * 86_400 * SECOND;
/** A week: whoever is to look at strays and dead letters has done so, and no executor answers later than that. */
export const EVIDENCE_MS = 7 * 86_400 * SECOND;
/** Between two looks for what can be trimmed; each costs a few statements where there is nothing. */
export const TRIM_EVERY_MS = 600 * SECOND;
/** What one slice looks at, a few milliseconds of the object's thread, and far below its memory. */
export const TRIM_ROWS_MAX = 1_000;
export const TRIM_BYTES_MAX = 16 * 1024 * KIB;

// Streams
/** Readers of one tenant's events at once, its lifetimes' included: connections that the object keeps open. */
export const STREAM_READERS_MAX = 256;
/** What may wait for a reader of the tenant: half a second of a busy tenant, and shared by all of them. */
export const TENANT_READER_BYTES_MAX = 4 * 1024 * KIB;
/** What may wait for a reader of one lifetime: with all readers there are, half of an isolate's 128 MB. */
export const LIFETIME_READER_BYTES_MAX = 256 * KIB;
/** Below the idle timeout of usual proxies. */
export const KEEP_ALIVE_MS = 15 * SECOND;
/** An invocation that lives on uses up its subrequests and its CPU; the reader comes back with a fresh one. */
export const STREAM_MS_MAX = 3_600 * SECOND;
/** What is committed within this is sent together: a person sees no difference, and each write costs. */
export const FRAMES_MS = 20;
/** Frames kept in memory for those who come back. */
export const FRAMES_CHARS_MAX = 4 * 1024 * KIB;
/** Records that a reader who is behind is given at a time: a few milliseconds of the object's thread. */
export const CATCH_UP_RECORDS_MAX = 500;
export const CATCH_UP_BYTES_MAX = 1024 * KIB;
/** Offsets that are looked through at a time for the records of one lifetime. */
export const CATCH_UP_OFFSETS_MAX = 2_000;

// The mirror
/** One frame of the bridge's connection: a batch and the largest record, far below the platform's 32 MiB. */
export const MIRROR_FRAME_BYTES_MAX = 4 * 1024 * KIB;
/** A batch ends when it is over it, with its last record: bounds what one turn takes of the object's thread. */
export const MIRROR_BATCH_BYTES_MAX = 256 * KIB;
export const MIRROR_BATCH_RECORDS_MAX = 256;
/** Records that are looked at for one batch: where few of them go out, a bounded part of a turn. */
export const MIRROR_SCAN_RECORDS_MAX = 1_000;
/** What is committed within this goes out together; a step through Kafka takes longer by it. */
export const MIRROR_SEND_MS = 3;
/** Offsets in a row of which nothing goes out, after which the bridge is told all the same, so that they can be trimmed. */
export const MIRROR_SILENT_OFFSETS_MAX = 4_096;
/** A bridge that is gone is noticed within it, and not for every pause of its process. */
export const MIRROR_LEASE_MS_MIN = 1 * SECOND;
export const MIRROR_LEASE_MS_MAX = 60 * SECOND;
/** Bridges of one tenant: each is a process that consumes some of the partitions. */
export const MIRROR_CONNECTIONS_MAX = 64;
/** A bridge deletes the topics of a tenant within it, or another begins again: above what Kafka's requests may take. */
export const TOPIC_REMOVAL_MS = 60 * SECOND;
/**
 * What a bridge may have sent and not yet seen on disk: a fetch of several partitions of a mebibyte, in records of one
 * KiB. With less a part of each fetch is fetched again.
 */
export const MIRROR_CREDIT_RECORDS = 8_192;
export const MIRROR_CREDIT_BYTES = 8 * 1024 * KIB;

/** What a record takes in the memory of a bridge beside its bytes, about; so that small ones are bounded as well. */
export const MIRROR_RECORD_BYTES = 512;
/** What a header takes in a frame beside its bytes, at the most: so that empty ones are bounded as well. */
export const MIRROR_HEADER_BYTES = 8;

/** How long a signed path of an input in Kafka is good for: as long as its lifetime may live. */
export const SIGNED_PATH_MS = LIFETIME_TIMEOUT_MS_MAX;

// The data plane
/** How long a record may wait for company before it goes to D1. */
export const FLUSH_MS = 100;
/** Records in one flush: some 1 MB of JSON, a few milliseconds of D1's one thread. */
export const FLUSH_RECORDS_MAX = 1_000;
/** Offsets between two notes of what D1 has: far less than a row a step, and little that a restart counts over. */
export const PROJECTED_NOTE_EVERY = 1_000;
export const FLUSH_BYTES_MAX = 4 * 1024 * KIB;
/** JSON of rows in one bound parameter; D1 takes strings, and rows, of at most 2 MB. */
export const FLUSH_PARAMETER_BYTES_MAX = 1_900_000;
/** What SQL sees of a payload; over it only the message itself has it. */
export const PAYLOAD_COLUMN_BYTES_MAX = 16 * KIB;
/** What SQL sees of one text; what peers send has no bound of its own but that of its message. */
export const TEXT_COLUMN_CHARS_MAX = 4_096;
/** Where branches of one lifetime ended, as its row and its answer have them. */
export const OUTCOMES_MAX = 1_000;
/** Rows of one table that one slice of a removal deletes: well below a second of D1's one thread. */
export const REMOVAL_ROWS_MAX = 1_000;
/** Rows that one page of a list looks through for what has no index: some 10 ms of D1's one thread. */
export const LIST_SCAN_ROWS_MAX = 10_000;
/** Executions of one lifetime that are looked through at a time for ancestors or descendants, and at most. */
export const LINEAGE_SLICE_ROWS = 1_000;
export const LINEAGE_ROWS_MAX = 20_000;
/** Executions of each kind that one answer of costs sums up: some 100 ms of D1's one thread. */
export const COST_ROWS_MAX = 50_000;
/** A read waits this long for its own writes to reach D1. */
export const READ_BARRIER_MS_MAX = 5 * SECOND;

// Policies
/** A document that people write and review, stored as one row. */
export const POLICY_BYTES_MAX = 64 * KIB;
/** Of a tenant: a change looks through all of them. */
export const POLICIES_MAX = 1_000;
/** An expression is evaluated in the transaction of a step, and in one place of a document. */
export const POLICY_EXPRESSION_CHARS_MAX = 8 * KIB;
/** A loop within a loop within a loop has no bound that a step could wait for. */
export const POLICY_LOOPS_MAX = 2;
/** One after the other, or within each other: each pair of the latter may take as many steps as the square below. */
export const POLICY_LOOPS_IN_ALL_MAX = 8;
/** Of an input's or a result's payload, decoded in the transaction of a step: about a millisecond. */
export const POLICY_PAYLOAD_BYTES_MAX = 64 * KIB;
/** Values of a payload that an expression may loop over; with a loop in a loop, its square is what runs. */
export const POLICY_VALUES_MAX = 4_096;
export const POLICY_NESTED_VALUES_MAX = 256;
/** Of what a verdict keeps of one value that was read, as JSON. */
export const VERDICT_VALUE_CHARS_MAX = 1_000;
/** Inputs of one node that a lifetime remembers by their hash, the latest ones, to count repeats. */
export const REPEATED_INPUTS_MAX = 16;
/** Of inputs of one lifetime, by its guards: then whatever it loops for is paced by calls, each with its own turn. */
export const REJECTIONS_PER_TURN_MAX = 100;
/** Combinations of event, graph and node whose policies are remembered; a tenant with more looks them up anew. */
export const POLICY_INDEX_MAX = 4_096;
/** Offsets of a lifetime's latest executions that looking back remembers: what was refused names its parents by id. */
export const BACKTEST_EXECUTIONS_KEPT = 64;
/** Lifetimes that have failed and may be continued, the latest ones. */
export const BACKTEST_FAILED_KEPT = 1_000;
/** Of the log, looked through at once: a few milliseconds of the object's thread. */
export const BACKTEST_SLICE_RECORDS = 512;
/** Bytes of messages in a slice. */
export const BACKTEST_SLICE_BYTES = 4 * 1024 * KIB;
