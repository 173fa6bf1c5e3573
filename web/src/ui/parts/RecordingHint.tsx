/** Says before the call that it is being recorded; read out when that changes. */

import { Disc } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTexts } from '../language';

export function RecordingHint(): ReactNode {
  return (
    <p className="hint hint-recording" role="status" data-testid="recording-hint">
      <Disc size={18} aria-hidden="true" />
      <span>{useTexts().recording.on}</span>
    </p>
  );
}
