/** A hint before joining that the meeting is being recorded; announced when that changes. */

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
