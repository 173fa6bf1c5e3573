/** The texts of the user interface in English. The other catalogs have the type of this one, so that a missing text does not compile. */

import { call } from './call';
import { people } from './people';
import { problems } from './problems';
import { screens } from './screens';
import { settings } from './settings';
import { states } from './states';

export type { DeviceWord, Text } from './problems';

export const en = { ...problems, ...states, ...screens, ...call, ...people, ...settings };

export type Texts = typeof en;
