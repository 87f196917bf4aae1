import { applyRememberedTheme } from './theme';

applyRememberedTheme();
