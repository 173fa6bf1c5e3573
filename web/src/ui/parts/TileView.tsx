/** One person: picture or initials, name, muted mark, speaking outline. */

import { MicOff } from 'lucide-react';
import type { ReactNode } from 'react';
import type { Tile } from '../../state/tiles';
import { Avatar } from './Avatar';
import { Video } from './Video';

export function TileView({ tile }: { tile: Tile }): ReactNode {
  const { peerId, name, initials, hue, isSelf, isMuted, isSpeaking, isStale, video } = tile;
  const classes = ['tile', isSpeaking ? 'tile-speaking' : '', isStale ? 'tile-stale' : ''].filter((one) => one !== '').join(' ');
  return (
    <li
      className={classes}
      data-testid="tile"
      data-peer-id={peerId}
      data-self={isSelf}
      data-muted={isMuted}
      data-video={video !== undefined}
      data-stale={isStale}
    >
      <Avatar initials={initials} hue={hue} />
      {video !== undefined && <Video key={video.id} track={video} isMirrored={isSelf} />}
      {isStale && <span className="tile-note">Reconnecting…</span>}
      <span className="tile-name">
        {isMuted && <MicOff size={14} aria-label="Muted" role="img" />}
        <span className="tile-name-text">{name}</span>
        {isSelf && <span className="tile-you">you</span>}
      </span>
    </li>
  );
}
