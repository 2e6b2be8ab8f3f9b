CREATE TABLE `graph_versions` (
	`tenant` text NOT NULL,
	`graph` text NOT NULL,
	`version` integer NOT NULL,
	`registered` integer NOT NULL,
	`hash` text NOT NULL,
	`created_at` integer NOT NULL,
	`moved` integer NOT NULL,
	`status` text NOT NULL,
	PRIMARY KEY(`tenant`, `graph`, `version`)
);
--> statement-breakpoint
CREATE TABLE `lifetimes` (
	`tenant` text NOT NULL,
	`lifetime` text NOT NULL,
	`started` integer NOT NULL,
	`graph` text NOT NULL,
	`graph_version` integer NOT NULL,
	`labels` text NOT NULL,
	`started_at` integer NOT NULL,
	`input` text,
	`root` text NOT NULL,
	`ended` integer NOT NULL,
	`status` text NOT NULL,
	`reason_code` text,
	`reason_detail` text,
	`ended_at` integer,
	`steps` integer,
	`outcomes` text,
	PRIMARY KEY(`tenant`, `lifetime`)
);
--> statement-breakpoint
CREATE INDEX `lifetimes_by_time` ON `lifetimes` (`tenant`,`started_at`,`lifetime`);--> statement-breakpoint
CREATE TABLE `plan_executions` (
	`tenant` text NOT NULL,
	`partition` integer NOT NULL,
	`offset` integer NOT NULL,
	`received_at` integer NOT NULL,
	`exec_id` text NOT NULL,
	`lifetime` text NOT NULL,
	`graph` text NOT NULL,
	`graph_version` integer NOT NULL,
	`node` text NOT NULL,
	`input_id` text NOT NULL,
	`attempt` integer NOT NULL,
	`iteration_idx` integer NOT NULL,
	`created_at` text NOT NULL,
	`status` text NOT NULL,
	`edge_taken` text,
	`parent_id` text,
	`trace_parent` text,
	`tokens_in` integer,
	`tokens_out` integer,
	`cost_usd_micros` integer,
	`latency_ms` integer,
	`model` text,
	`usage_custom` text,
	`error_message` text,
	`warnings` text,
	`message` text NOT NULL,
	`plan_type` text,
	`input_task_id` text,
	`parent_task_exec_ids` text,
	`parent_task_names` text,
	`next_task_names` text,
	PRIMARY KEY(`tenant`, `lifetime`, `offset`)
);
--> statement-breakpoint
CREATE INDEX `plan_executions_by_id` ON `plan_executions` (`tenant`,`exec_id`);--> statement-breakpoint
CREATE INDEX `plan_executions_by_time` ON `plan_executions` (`tenant`,`received_at`,`partition`,`offset`);--> statement-breakpoint
CREATE TABLE `projections` (
	`tenant` text NOT NULL,
	`partition` integer NOT NULL,
	`offset` integer NOT NULL,
	PRIMARY KEY(`tenant`, `partition`)
);
--> statement-breakpoint
CREATE TABLE `task_executions` (
	`tenant` text NOT NULL,
	`partition` integer NOT NULL,
	`offset` integer NOT NULL,
	`received_at` integer NOT NULL,
	`exec_id` text NOT NULL,
	`lifetime` text NOT NULL,
	`graph` text NOT NULL,
	`graph_version` integer NOT NULL,
	`node` text NOT NULL,
	`input_id` text NOT NULL,
	`attempt` integer NOT NULL,
	`iteration_idx` integer NOT NULL,
	`created_at` text NOT NULL,
	`status` text NOT NULL,
	`edge_taken` text,
	`parent_id` text,
	`trace_parent` text,
	`tokens_in` integer,
	`tokens_out` integer,
	`cost_usd_micros` integer,
	`latency_ms` integer,
	`model` text,
	`usage_custom` text,
	`error_message` text,
	`warnings` text,
	`message` text NOT NULL,
	`task_type` text,
	`parent_plan_exec_id` text,
	`parent_plan_name` text,
	`result` text,
	PRIMARY KEY(`tenant`, `lifetime`, `offset`)
);
--> statement-breakpoint
CREATE INDEX `task_executions_by_id` ON `task_executions` (`tenant`,`exec_id`);--> statement-breakpoint
CREATE INDEX `task_executions_by_time` ON `task_executions` (`tenant`,`received_at`,`partition`,`offset`);--> statement-breakpoint
CREATE TABLE `tenants` (
	`tenant` text PRIMARY KEY NOT NULL,
	`status` text NOT NULL,
	`generation` integer NOT NULL,
	`created_at` integer NOT NULL
);
