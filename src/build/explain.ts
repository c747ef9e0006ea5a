import { formatDuration, formatSize } from '../config/units.ts';
import { Failure } from '../failure.ts';
import type { BuildLimits } from './limits.ts';
import type { BuildError } from './progress.ts';

/** All that is known of a build that failed. */
export type BuildEnd = {
  readonly error: BuildError;
  readonly step: { readonly number: number; readonly instruction: string } | null;
  readonly lastLines: readonly string[];
  /** The kernel killed something of the step for its memory limit. */
  readonly outOfMemory: boolean;
  readonly dockerfile: { readonly name: string; readonly text: string };
  readonly limits: BuildLimits;
};

const diskFull = /no space left on device|disk quota exceeded/i;
const parseError = /dockerfile parse error(?: on)? line (\d+): ([\s\S]*)/i;
const buildKitOnly =
  /requires BuildKit|Unknown flag: (?:mount|network|security|link|parents|exclude|checksum)/i;
const malformed =
  /failed to reach build target|unknown instruction|Unknown flag|requires (?:exactly|at least)|no build stage|invalid from flag value|failed to process|syntax error|base name .* should not be blank|Please provide a source image|circular dependency/i;

/** What a failed build means to its pusher: the step, its line, its exit code and its last words. Pure. */
export function explainBuild(end: BuildEnd): Failure {
  const { error, limits } = end;
  const said = error.message.trim();
  if (end.outOfMemory) {
    const limit = formatSize(limits.memory);
    return new Failure(
      'build_oom',
      `${placeOf(end)} needed more than ${limit} of memory (builders.memory)${tail(end)}`,
    );
  }
  if (diskFull.test(said) || (error.exitCode !== null && end.lastLines.some((line) => diskFull.test(line)))) {
    return new Failure('build_disk_full', `${placeOf(end)}: no space left on the builder's disk${tail(end)}`);
  }
  if (error.exitCode !== null) {
    return new Failure('build_failed', `${placeOf(end)} ended with exit code ${error.exitCode}${tail(end)}`);
  }
  return explainDockerfile(end, said) ?? new Failure('build_failed', `${placeOf(end)}: ${said}`);
}

function explainDockerfile(end: BuildEnd, said: string): Failure | undefined {
  const { dockerfile, step } = end;
  if (/cannot be empty|file with no instructions/.test(said)) {
    return new Failure('dockerfile_empty', `${dockerfile.name} has no instruction`);
  }
  const parse = parseError.exec(said);
  if (parse) {
    const line = Number(parse[1]);
    return new Failure(
      'dockerfile_invalid',
      `${dockerfile.name} line ${line}: ${parse[2]}${quote(dockerfile.text, line)}`,
    );
  }
  if (buildKitOnly.test(said)) {
    return new Failure('dockerfile_invalid', `${placeOf(end)}: ${said.replace(/\. Refer to.*/s, '')}`, {
      fix: 'Leave the option out: builds run in the engine’s classic builder, whose limits hold.',
    });
  }
  if (malformed.test(said)) return new Failure('dockerfile_invalid', `${placeOf(end)}: ${said}`);
  const from = /^FROM\s+(?:--\S+\s+)*(\S+)/i.exec(step?.instruction ?? '')?.[1];
  if (from !== undefined) {
    return new Failure(
      'base_image_not_found',
      `${placeOf(end)}: ${from} is not on the builder and cannot be pulled: ${said}`,
    );
  }
  return undefined;
}

/** The build took longer than it may. Pure. */
export function explainTimeout(step: BuildEnd['step'], { timeoutMs }: BuildLimits): Failure {
  const where = step === null ? 'the build' : `step ${step.number} "${shorten(step.instruction)}"`;
  return new Failure(
    'build_timeout',
    `${where} was stopped: a build has ${formatDuration(timeoutMs)} (builders.timeout)`,
  );
}

function placeOf({ step, dockerfile }: BuildEnd): string {
  if (step === null) return dockerfile.name;
  const line = findLine(dockerfile.text, step.instruction);
  const where = line === undefined ? '' : ` (${dockerfile.name}:${line})`;
  return `step ${step.number} "${shorten(step.instruction)}"${where}`;
}

/** The line where an instruction begins; undefined when the engine shows it too differently. */
export function findLine(dockerfile: string, instruction: string): number | undefined {
  const bare = (text: string) => text.trim().replace(/\s+/g, ' ').replace(/ ?\\$/, '').toLowerCase();
  const wanted = bare(instruction);
  const index = dockerfile.split(/\r?\n/).findIndex((line) => {
    const text = bare(line);
    return text.includes(' ') && !text.startsWith('#') && wanted.startsWith(text);
  });
  return index < 0 ? undefined : index + 1;
}

function quote(text: string, line: number): string {
  const lines = text.split(/\r?\n/).slice(Math.max(0, line - 3), line);
  const first = Math.max(1, line - 2);
  return lines
    .map((shown, index) => `\n  ${first + index} | ${shown.replace(/\p{Cc}/gu, ' ').slice(0, 160)}`)
    .join('');
}

/** One line of at most 120 characters. Pure. */
export function shorten(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 120 ? `${line.slice(0, 119)}…` : line;
}

function tail({ lastLines }: BuildEnd): string {
  const lines = lastLines.filter((line) => !/^Step \d+\/\d+ : /.test(line)).slice(-5);
  return lines.map((line) => `\n  ${line.slice(0, 300)}`).join('');
}
