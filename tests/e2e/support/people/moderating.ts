// What a moderator does on the page.
import type { Participant } from './participant.ts';

/** Opens the menu of a participant in the list of people. */
export async function openMenuOf(moderator: Participant, peerId: string): Promise<void> {
  const isOpen = await moderator.page.getByTestId('people-panel').isVisible();
  if (!isOpen) await moderator.page.getByTestId('people-button').click();
  await moderator.page.locator(`[data-testid="person"][data-peer-id="${peerId}"]`).getByTestId('person-menu').click();
}
