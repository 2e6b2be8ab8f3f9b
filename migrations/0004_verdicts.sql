CREATE TABLE `verdicts` (
	`tenant` text NOT NULL,
	`partition` integer NOT NULL,
	`offset` integer NOT NULL,
	`judged_at` integer NOT NULL,
	`lifetime` text NOT NULL,
	`graph` text NOT NULL,
	`node` text,
	`policy` text NOT NULL,
	`version` integer NOT NULL,
	`policies` integer NOT NULL,
	`event` text NOT NULL,
	`action` text NOT NULL,
	`mode` text NOT NULL,
	`message` text NOT NULL,
	`error` text,
	`on_error` text,
	`read` text NOT NULL,
	`input_id` text,
	`attempt` integer,
	`exec_id` text,
	PRIMARY KEY(`tenant`, `lifetime`, `offset`)
);
--> statement-breakpoint
CREATE INDEX `verdicts_by_time` ON `verdicts` (`tenant`,`judged_at`,`partition`,`offset`);