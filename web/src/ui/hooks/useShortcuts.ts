/** Listens to the keys of the call. While a dialog or menu is open, keys belong to it. */

import { useEffect, useEffectEvent } from 'react';
import { commandOf, type Command, type Keystroke } from '../../state/shortcuts';

export function useShortcuts(onCommand: (command: Command) => void, onTalkEnd: () => void): void {
  const run = useEffectEvent(onCommand);
  const endTalk = useEffectEvent(onTalkEnd);
  useEffect(() => {
    const onDown = (event: KeyboardEvent): void => {
      const command = commandOf(keystrokeOf(event));
      if (command === undefined || isOverlayOpen()) return;
      event.preventDefault();
      run(command);
    };
    const onUp = (event: KeyboardEvent): void => {
      if (event.key === ' ') endTalk();
    };
    const onBlur = (): void => endTalk();
    window.addEventListener('keydown', onDown);
    window.addEventListener('keyup', onUp);
    window.addEventListener('blur', onBlur);
    return () => {
      window.removeEventListener('keydown', onDown);
      window.removeEventListener('keyup', onUp);
      window.removeEventListener('blur', onBlur);
    };
  }, []);
}

function isOverlayOpen(): boolean {
  return document.querySelector('dialog[open], [role="menu"]') !== null;
}

function keystrokeOf({ key, ctrlKey, altKey, metaKey, repeat, target }: KeyboardEvent): Keystroke {
  return { key, hasModifier: ctrlKey || altKey || metaKey, isRepeat: repeat, target: targetOf(target) };
}

function targetOf(target: EventTarget | null): Keystroke['target'] {
  if (!(target instanceof HTMLElement)) return 'other';
  if (target.isContentEditable || target.matches('input, textarea, select')) return 'text';
  return target.matches('button, a, summary, [role="button"]') ? 'button' : 'other';
}
