const namePattern = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
const kilo = 1024;

/** Bytes of one value, and of all names and values of an environment. */
export const variableLimits = { value: 64 * kilo, all: 256 * kilo } as const;

/** Why a variable cannot be set; undefined when it can. Never tells the value. */
export function findVariableFault(name: string, value: string): string | undefined {
  const shown = JSON.stringify(name.slice(0, 80));
  if (!namePattern.test(name)) {
    return `${shown} is not a name: use 1 to 128 letters, digits and "_", not beginning with a digit`;
  }
  if (name === 'PORT')
    return 'PORT is not yours to set: web listens where the image exposes a port, and is told it';
  if (name.startsWith('HAWSER_'))
    return `${name} is not yours to set: Hawser itself says HAWSER_… to every app`;
  if (value.includes('\0')) return `the value of ${name} has a NUL in it, which no process can be given`;
  if (Buffer.byteLength(value) > variableLimits.value) return `the value of ${name} is longer than 64 KB`;
  return undefined;
}

/** Why all variables together cannot be; undefined when they can. */
export function findTotalFault(vars: Readonly<Record<string, string>>): string | undefined {
  const bytes = Object.entries(vars).reduce(
    (sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value),
    0,
  );
  if (bytes <= variableLimits.all) return undefined;
  return `the variables would have ${Math.ceil(bytes / kilo)} KB in all; 256 KB are the limit`;
}
