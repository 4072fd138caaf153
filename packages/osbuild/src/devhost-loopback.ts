#!/usr/bin/env node
import { isNodeTooOld } from "./service/node-version.ts";

// What follows is newer JavaScript than an older Node can read, and is imported only then.
if (isNodeTooOld("devhost-loopback")) process.exitCode = 2;
else void import("./service/loopback.ts").then(({ serveLoopback }) => serveLoopback());
