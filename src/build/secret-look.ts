/** Shapes of values that belong to nobody else's eyes, each of them known by its beginning. */
const shapes: readonly RegExp[] = [
  /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----/,
  /^[a-z][a-z0-9+.-]{0,30}:\/\/[^/?#@\s:]{0,200}:[^/?#@\s]{1,200}@/i,
  /^(?:AKIA|ASIA)[A-Z0-9]{16}$/,
  /^(?:gh[opsu]_|github_pat_|glpat-|xox[abps]-|sk_live_|rk_live_|hw_)[\w-]{10,}/,
];

/** True for what looks like a password or a key, which a repository keeps for ever. Pure. */
export function looksSecret(value: string): boolean {
  return shapes.some((shape) => shape.test(value));
}
