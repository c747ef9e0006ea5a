import { askServer, maxUpdates, parseUpdate, readAll } from './server.ts';

const { env } = process;
const lines = (await readAll())
  .toString('utf8')
  .split('\n')
  .filter((line) => line !== '');
const options = Array.from(
  { length: Number(env.GIT_PUSH_OPTION_COUNT ?? 0) },
  (_, index) => env[`GIT_PUSH_OPTION_${index}`] ?? '',
);
const quarantine = Object.fromEntries(
  ['GIT_OBJECT_DIRECTORY', 'GIT_ALTERNATE_OBJECT_DIRECTORIES', 'GIT_QUARANTINE_PATH'].flatMap((name) => {
    const value = env[name];
    return value === undefined ? [] : [[name, value]];
  }),
);

const answer = await askServer({
  phase: 'pre-receive',
  updates: lines.slice(0, maxUpdates).map(parseUpdate),
  total: lines.length,
  options,
  atomic: false,
  quarantine,
});
process.exitCode = answer.accept === true ? 0 : 1;
