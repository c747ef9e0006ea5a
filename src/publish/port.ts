const preferred = [8080, 80, 3000, 5000, 8000];
const fallback = 8080;

/**
 * The port that a web container is told to listen on (`PORT`) and that is published: the one that the image exposes,
 * of several the usual one, otherwise the lowest; 8080 when it exposes none.
 */
export function choosePort(exposed: readonly number[]): number {
  if (exposed.length === 0) return fallback;
  return preferred.find((port) => exposed.includes(port)) ?? Math.min(...exposed);
}
