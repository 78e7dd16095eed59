// node:process.
import { process } from 'webstir:prelude/process';

export const { argv, arch, cwd, env, exit, hrtime, nextTick, platform, pid, stderr, stdin, stdout, version, versions } = process;
export default process;
