#!/usr/bin/env node
// check [PART OF A NAME…]: runs the gates, or those whose names contain one of the words.
import { reportCheck } from "./report-check.ts";
import { checks, runChecks } from "./checks.ts";

const words = process.argv.slice(2);
const wanted = checks.filter(
	({ name }) => words.length === 0 || words.some((word) => name.includes(word)),
);
const results = await runChecks(wanted, reportCheck);
if (results.some(({ check, problems }) => !check.isReport && problems.length > 0))
	process.exitCode = 1;
