/** Bytes as people say them: `14 MB`, `1.2 GB`, `640 KB`. */
export function formatBytes(bytes: number): string {
  const [unit, size] = (
    [
      ['GB', 1e9],
      ['MB', 1e6],
      ['KB', 1e3],
    ] as const
  ).find(([, least]) => bytes >= least) ?? ['bytes', 1];
  const value = bytes / size;
  return `${value < 10 && unit === 'GB' ? value.toFixed(1) : Math.round(value)} ${unit}`;
}
