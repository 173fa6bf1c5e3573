/** The reactions there are, in the order in which they are offered. */

import type { Reaction } from '../../generated/messages';

export const REACTIONS: readonly Reaction[] = ['like', 'clap', 'heart', 'laugh', 'surprised', 'party'];
