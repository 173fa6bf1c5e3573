/** Handles keyboard shortcuts, except while a dialog or menu is open. */

import { useEffect, useEffectEvent } from 'react';
import { commandOf, type Command, type Keyboard, type Keystroke, type KeyTarget } from '../../state/call/shortcuts';

export function useShortcuts(keyboard: Keyboard, onCommand: (command: Command) => void, onTalkEnd: () => void): void {
  const find = useEffectEvent((stroke: Keystroke) => commandOf(stroke, keyboard));
  const run = useEffectEvent(onCommand);
  const endTalk = useEffectEvent(onTalkEnd);
  useEffect(() => {
    const onDown = (event: KeyboardEvent): void => {
      const command = event.defaultPrevented ? undefined : find(keystrokeOf(event));
      if (command === undefined || isOverlayOpen()) return;
      // Also for repeated events of a held key: otherwise the browser handles them.
      event.preventDefault();
      if (!event.repeat) run(command);
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

const OVERLAYS = 'dialog[open], [role="dialog"], [role="alertdialog"], [role="menu"], [role="listbox"]';

function isOverlayOpen(): boolean {
  return document.querySelector(OVERLAYS) !== null;
}

function keystrokeOf(event: KeyboardEvent): Keystroke {
  const { key, code, ctrlKey: hasCtrl, altKey: hasAlt, shiftKey: hasShift, metaKey: hasMeta, isComposing, target } = event;
  const hasAltGraph = event.getModifierState('AltGraph');
  // Some on-screen keyboards and input methods send no key.
  const isUnnamed = key === 'Process' || key === 'Unidentified' || key === 'Dead';
  return { key, code, hasCtrl, hasAlt, hasShift, hasMeta, hasAltGraph, isComposing: isComposing || isUnnamed, target: targetOf(target) };
}

/** Elements that take text or have type-ahead. */
const TEXT =
  'input, textarea, select, [contenteditable]:not([contenteditable="false"]), [role="textbox"], [role="searchbox"], [role="combobox"], [role="menu"]';
/** Elements that the space bar presses or scrolls; and the panels, where users may type by mistake. */
const CONTROLS = 'button, a, summary, label, video[controls], [role="button"], [role="toolbar"], aside, [tabindex="0"]';

function targetOf(target: EventTarget | null): KeyTarget {
  if (!(target instanceof Element)) return 'page';
  if (target.closest(TEXT) !== null || document.designMode === 'on') return 'text';
  return target.closest(CONTROLS) === null ? 'page' : 'control';
}
