CREATE TABLE `approvals` (
	`tenant` text NOT NULL,
	`partition` integer NOT NULL,
	`approval` text NOT NULL,
	`lifetime` text NOT NULL,
	`opened` integer NOT NULL,
	`opened_at` integer NOT NULL,
	`input_id` text NOT NULL,
	`node` text NOT NULL,
	`kind` text NOT NULL,
	`attempt` integer NOT NULL,
	`policies` text,
	`title` text NOT NULL,
	`description` text,
	`subject` text,
	`schema` text,
	`escalate_to` text,
	`on_expiry` text NOT NULL,
	`moved` integer NOT NULL,
	`status` text NOT NULL,
	`who` text NOT NULL,
	`quorum` integer NOT NULL,
	`due` integer,
	`votes` text,
	`delegations` text,
	`edit` text,
	`answered_by` text,
	`via` text,
	`comment` text,
	`closed_at` integer,
	PRIMARY KEY(`tenant`, `approval`)
);
--> statement-breakpoint
CREATE INDEX `approvals_by_time` ON `approvals` (`tenant`,`opened_at`,`approval`);--> statement-breakpoint
CREATE INDEX `approvals_by_status` ON `approvals` (`tenant`,`status`,`opened_at`,`approval`);--> statement-breakpoint
CREATE INDEX `approvals_by_lifetime` ON `approvals` (`tenant`,`lifetime`);