/** A dropdown menu. Radix provides the behavior. */

import * as Radix from '@radix-ui/react-dropdown-menu';
import { Check, type LucideIcon } from 'lucide-react';
import { useState, type ReactNode } from 'react';

interface MenuProps {
  trigger: ReactNode;
  /** The side of the button that the menu is aligned with. */
  side?: 'top' | 'bottom' | 'left' | 'right';
  align?: 'start' | 'center' | 'end';
  children: ReactNode;
}

export function Menu({ trigger, side = 'top', align = 'center', children }: MenuProps): ReactNode {
  // Inside the main landmark, where screen readers find it.
  const [place, setPlace] = useState<HTMLElement | null>(null);
  const onOpenChange = (isOpen: boolean): void => {
    if (isOpen) setPlace(document.querySelector('main'));
  };
  return (
    // Not modal: the call stays usable.
    <Radix.Root modal={false} onOpenChange={onOpenChange}>
      <Radix.Trigger asChild>{trigger}</Radix.Trigger>
      <Radix.Portal container={place}>
        <Radix.Content className="menu" side={side} align={align} sideOffset={8} collisionPadding={8}>
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

interface ItemProps {
  icon?: LucideIcon;
  label: string;
  onSelect: () => void;
  isDanger?: boolean;
  isDisabled?: boolean;
  className?: string;
  testId?: string;
}

export function MenuItem({ icon: Icon, label, onSelect, isDanger = false, isDisabled = false, className = '', testId }: ItemProps): ReactNode {
  return (
    <Radix.Item className={`menu-item${isDanger ? ' menu-item-danger' : ''} ${className}`} disabled={isDisabled} data-testid={testId} onSelect={onSelect}>
      {Icon === undefined ? <span className="menu-space" /> : <Icon size={18} aria-hidden="true" />}
      <span>{label}</span>
    </Radix.Item>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  choices: readonly { value: string; label: string }[];
  onChoose: (value: string) => void;
}

/** A group of radio items. */
export function MenuChoice({ label, value, choices, onChoose }: ChoiceProps): ReactNode {
  if (choices.length === 0) return null;
  return (
    <Radix.Group>
      <Radix.Label className="menu-label">{label}</Radix.Label>
      <Radix.RadioGroup value={value} onValueChange={onChoose}>
        {choices.map((choice) => (
          <Radix.RadioItem key={choice.value} className="menu-item" value={choice.value}>
            <span className="menu-space">
              <Radix.ItemIndicator>
                <Check size={16} aria-hidden="true" />
              </Radix.ItemIndicator>
            </span>
            <span>{choice.label}</span>
          </Radix.RadioItem>
        ))}
      </Radix.RadioGroup>
    </Radix.Group>
  );
}

export function MenuLine({ className = '' }: { className?: string }): ReactNode {
  return <Radix.Separator className={`menu-line ${className}`} />;
}
