ALTER TABLE `plan_executions` ADD `executor_version` text;--> statement-breakpoint
ALTER TABLE `task_executions` ADD `executor_version` text;