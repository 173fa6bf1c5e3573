/** A modal dialog. The native element traps the focus and closes on Escape. */

import { X } from 'lucide-react';
import { useEffect, useId, useRef, type MouseEvent, type ReactNode } from 'react';
import { useTexts } from '../language';

interface Props {
  title: string;
  onClose: () => void;
  /** Wide dialogs hold forms. */
  isWide?: boolean;
  testId?: string;
  children: ReactNode;
  actions?: ReactNode;
}

export function Dialog({ title, onClose, isWide = false, testId, children, actions }: Props): ReactNode {
  const texts = useTexts();
  const element = useRef<HTMLDialogElement>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const headingId = useId();
  useEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    // Screen readers start at the title instead of the close button.
    heading.current?.focus();
    return () => dialog?.close();
  }, []);
  const onClick = (event: MouseEvent): void => {
    // The content fills the dialog: a click on the element itself is on the backdrop.
    if (event.target === element.current) onClose();
  };
  return (
    <dialog
      ref={element}
      className={`dialog${isWide ? ' dialog-wide' : ''}`}
      aria-labelledby={headingId}
      data-testid={testId}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={onClick}
    >
      <div className="dialog-box">
        <header className="dialog-header">
          <h2 id={headingId} ref={heading} tabIndex={-1}>
            {title}
          </h2>
          <button type="button" className="icon-button" aria-label={texts.common.close} onClick={onClose}>
            <X size={20} aria-hidden="true" />
          </button>
        </header>
        <div className="dialog-content">{children}</div>
        {actions !== undefined && <footer className="dialog-actions">{actions}</footer>}
      </div>
    </dialog>
  );
}
