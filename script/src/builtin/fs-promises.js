// node:fs/promises.
import { promises } from 'webstir:node/fs';

export const {
  readFile,
  stat,
  lstat,
  readdir,
  access,
  realpath,
  writeFile,
  appendFile,
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  rename,
  rm,
  rmdir,
  unlink,
  symlink,
  open,
  constants,
} = promises;
export default promises;
