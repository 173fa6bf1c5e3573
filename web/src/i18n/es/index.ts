/** The texts of the user interface in Spanish. */

import type { Texts } from '../en';
import { call } from './call';
import { people } from './people';
import { problems } from './problems';
import { screens } from './screens';
import { settings } from './settings';
import { states } from './states';

export const es: Texts = { ...problems, ...states, ...screens, ...call, ...people, ...settings };
