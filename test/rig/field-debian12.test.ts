// The life of a kiosk on Debian 12; a file for each release, so that they are lived beside each other.
import { fieldLife } from './field-life.ts';
import { inGuests } from './releases.ts';

inGuests('a kiosk in the field', fieldLife, 12);
