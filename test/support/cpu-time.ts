/** What some work costs this thread, in ms: unlike the time of a clock, other work of the machine is not in it. */
export function measureCpu<T>(work: () => T): { readonly value: T; readonly ms: number } {
  const before = process.threadCpuUsage();
  const value = work();
  const { user, system } = process.threadCpuUsage(before);
  return { value, ms: (user + system) / 1_000 };
}
