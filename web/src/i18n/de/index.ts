/** The texts of the user interface in German. */

import type { Texts } from '../en';
import { call } from './call';
import { people } from './people';
import { problems } from './problems';
import { screens } from './screens';
import { settings } from './settings';
import { states } from './states';

export const de: Texts = { ...problems, ...states, ...screens, ...call, ...people, ...settings };
