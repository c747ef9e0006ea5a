/** Where the API has an app. */
export function appAddress(app: string): string {
  return `/apps/${encodeURIComponent(app)}`;
}

/** Where the API has a server. */
export function serverAddress(name: string): string {
  return `/servers/${encodeURIComponent(name)}`;
}
