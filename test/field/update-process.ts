// Root's part of an update as a process of its own, in a folder tree: what a test of power cuts kills. Arguments: the tree,
// and what to do.
import { obeyUpdate } from '../../src/field/obey-update.ts';
import { noteStart, rollBack } from '../../src/field/update.ts';
import { updatingWell } from './root-tree.ts';

const [root = '', job] = process.argv.slice(2);
const updating = updatingWell(root);
if (job === 'update') await obeyUpdate(updating);
if (job === 'start') noteStart(updating);
if (job === 'rollback') await rollBack(updating);
