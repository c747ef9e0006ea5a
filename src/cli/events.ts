/** One server-sent event. */
export type StreamEvent = { readonly event: string; readonly id: string | undefined; readonly data: string };

/** Reads an event stream (HTML standard); comments and empty events are left out. */
export async function* parseEvents(chunks: AsyncIterable<string>): AsyncGenerator<StreamEvent> {
  let rest = '';
  for await (const chunk of chunks) {
    rest += chunk;
    let end = rest.indexOf('\n\n');
    while (end !== -1) {
      const event = parseEvent(rest.slice(0, end));
      rest = rest.slice(end + 2);
      if (event) yield event;
      end = rest.indexOf('\n\n');
    }
  }
}

function parseEvent(block: string): StreamEvent | undefined {
  let event = 'message';
  let id: string | undefined;
  const data: string[] = [];
  for (const line of block.split('\n')) {
    const [, name, value = ''] = /^(\w*):(?: ?(.*))?$/s.exec(line) ?? [];
    if (name === 'event') event = value;
    else if (name === 'id') id = value;
    else if (name === 'data') data.push(value);
  }
  return data.length === 0 ? undefined : { event, id, data: data.join('\n') };
}
