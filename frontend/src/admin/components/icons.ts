import { icon } from '../../components/icons';
import { svg } from 'lit';

export const icons = {
  orders: icon(svg`<path d="M6 3.5h12v17l-3-2-3 2-3-2-3 2z"/><path d="M9 8h6M9 11.500h6M9 15h3.500"/>`),
  system: icon(svg`<rect x="3" y="4" width="6.500" height="5" rx="1"/><rect x="14.500" y="4" width="6.500" height="5" rx="1"/><rect x="8.800" y="15" width="6.500" height="5" rx="1"/><path d="M6.200 9v3h11.600V9M12 12v3"/>`),
};
