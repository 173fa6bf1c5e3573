/** What a participant writes in the chat before it is sent. Pure. */

/** A message that could not be sent returns to the field, before what was written since. */
export function withUnsent(draft: string, message: string): string {
  return draft.trim() === '' ? message : `${message}\n${draft}`;
}
