const runFlags = /^([ \t]*RUN\b)((?:(?:[ \t]|\\[ \t]*\r?\n)+--mount=\S+)+)/gim;
const droppable = /--mount=(?=\S*\btype=(?:cache|tmpfs)\b)\S+/g;
const copyLink = /^([ \t]*(?:COPY|ADD)\b[^\n]*?)[ \t]--link(?:=\S+)?(?=[ \t])/gim;

/**
 * The same Dockerfile in words that the classic builder knows: cache mounts and `--link` make a build faster, not
 * different, and are left out. Lines keep their numbers. Pure.
 */
export function adaptDockerfile(text: string): {
  readonly text: string;
  readonly warnings: readonly string[];
} {
  let mounts = 0;
  const withoutMounts = text.replace(runFlags, (_, run: string, flags: string) => {
    const kept = flags.replace(droppable, () => {
      mounts += 1;
      return '';
    });
    return run + kept;
  });
  const adapted = withoutMounts.replace(copyLink, '$1');
  const warnings =
    mounts === 0 ? [] : ['RUN --mount=type=cache has no effect here: the step runs without it'];
  return { text: adapted, warnings };
}
