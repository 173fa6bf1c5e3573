/** All reactions, in display order. */

import type { Reaction } from '../../generated/messages';

export const REACTIONS: readonly Reaction[] = ['like', 'clap', 'heart', 'laugh', 'surprised', 'party'];
