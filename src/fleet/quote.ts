/**
 * A command line that every POSIX shell takes for exactly these arguments; SSH has no other way to run a program.
 * Throws on a NUL byte, which no argument can hold.
 */
export function quoteArguments(argv: readonly string[]): string {
  return argv
    .map((argument) => {
      if (argument.includes('\0')) throw new RangeError('an argument cannot hold a NUL byte');
      return `'${argument.replaceAll("'", `'\\''`)}'`;
    })
    .join(' ');
}
