ALTER TABLE `plan_executions` ADD `estimated` text;--> statement-breakpoint
ALTER TABLE `task_executions` ADD `estimated` text;