/** Connection quality: one to three bars. */

import type { ReactNode } from 'react';
import type { Quality } from '../../../state/tiles/tiles';
import { useTexts } from '../../language';

export function QualityBars({ quality }: { quality: NonNullable<Quality> }): ReactNode {
  const texts = useTexts();
  return (
    <span className={`quality quality-${quality}`} role="img" aria-label={texts.call.quality(quality)} title={texts.call.quality(quality)}>
      <span />
      <span />
      <span />
    </span>
  );
}
