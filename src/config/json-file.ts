import { Failure } from '../failure.ts';
import { type JsonDocument, JsonMistake, parseJson } from './json.ts';

/** The text of a file as JSON. Throws `config_parse_error` with line, column and the line itself. */
export function parseJsonFile(text: string, file: string): JsonDocument {
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonMistake)) throw error;
    const { line, column } = error.position;
    const shown = (text.split('\n')[line - 1] ?? '').slice(0, 160).replace(/\p{Cc}/gu, ' ');
    const pointer = column <= 160 ? `\n  ${' '.repeat(column - 1)}^` : '';
    throw new Failure(
      'config_parse_error',
      `${file}:${line}:${column}: ${error.message}\n  ${shown}${pointer}`,
      {
        cause: error,
      },
    );
  }
}
