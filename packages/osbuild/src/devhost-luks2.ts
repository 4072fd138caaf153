#!/usr/bin/env node
import { isNodeTooOld } from "./service/node-version.ts";

// What follows is newer JavaScript than an older Node can read, and is imported only then.
if (isNodeTooOld("devhost-luks2")) process.exitCode = 2;
else void import("./service/luks2.ts").then(({ serveLuks2 }) => serveLuks2());
