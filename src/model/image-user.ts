/** Whether containers of an image run as root, by what its USER says; without one they do. Pure. */
export function isRoot(user: string): boolean {
  const [name = ''] = user.split(':');
  return name === 'root' || Number(name) === 0;
}
