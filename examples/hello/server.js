import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { hostname } from 'node:os';

const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));
const port = Number(process.env.PORT ?? 8080);

const page = `<!doctype html>
<meta charset="utf-8">
<title>Hello from Hawser</title>
<h1>Hello</h1>
<p>This is version ${version}, in the container ${hostname()}.
<p>Change <code>version</code> in package.json, commit and push again.
`;

const server = createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
  response.end(page);
});
server.listen(port, () => console.log(`listening on ${port}`));

// Requests in flight are answered before the process ends.
process.on('SIGTERM', () => server.close(() => process.exit(0)));
