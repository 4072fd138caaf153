#!/usr/bin/env node
import { isNodeTooOld } from "./service/node-version.ts";

// What follows is newer JavaScript than an older Node can read, and is imported only then.
if (isNodeTooOld("devhost-mount")) process.exitCode = 2;
else void import("./service/mount.ts").then(({ serveMount }) => serveMount());
