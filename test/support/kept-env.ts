import { join } from 'node:path';

/** Node's own cache, so that no test begins without; where none is named, in this checkout. */
const compiled =
  process.env.NODE_COMPILE_CACHE ?? join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'node');

/** What programs of a test see of its own environment: nobody's settings. */
export const keptEnv = { PATH: process.env.PATH ?? '', NODE_COMPILE_CACHE: compiled };
