/** The panel next to the tiles; on narrow screens it covers them. */

import { X } from 'lucide-react';
import { useEffect, useRef, type KeyboardEvent, type ReactNode } from 'react';
import { useTexts } from '../../language';

interface Props {
  title: string;
  testId: string;
  onClose: () => void;
  children: ReactNode;
}

export function SidePanel({ title, testId, onClose, children }: Props): ReactNode {
  const texts = useTexts();
  const panel = useRef<HTMLElement>(null);
  // Focuses the text field if there is one.
  useEffect(() => (panel.current?.querySelector('textarea') ?? panel.current)?.focus(), []);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Escape' && !event.defaultPrevented) onClose();
  };
  return (
    <aside ref={panel} className="panel" aria-label={title} tabIndex={-1} data-testid={testId} onKeyDown={onKeyDown}>
      <header className="panel-header">
        <h2>{title}</h2>
        <button type="button" className="icon-button" aria-label={texts.common.close} onClick={onClose}>
          <X size={20} aria-hidden="true" />
        </button>
      </header>
      {children}
    </aside>
  );
}
