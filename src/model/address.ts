/** Whether an address is one of this machine's own, where a proxy may stand for everybody. */
export function isLoopback(address: string): boolean {
  return address === '::1' || /^(?:::ffff:)?127\./.test(address);
}
