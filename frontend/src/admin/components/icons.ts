import { icon } from '../../components/icons';
import { svg } from 'lit';

export const icons = {
  orders: icon(svg`<path d="M6 3.5h12v17l-3-2-3 2-3-2-3 2z"/><path d="M9 8h6M9 11.500h6M9 15h3.500"/>`),
  system: icon(svg`<rect x="3" y="4" width="6.500" height="5" rx="1"/><rect x="14.500" y="4" width="6.500" height="5" rx="1"/><rect x="8.800" y="15" width="6.500" height="5" rx="1"/><path d="M6.200 9v3h11.600V9M12 12v3"/>`),
  insights: icon(svg`<path d="M3.500 20.500h17"/><path d="M6.500 17v-5M12 17V5.500M17.500 17V9"/>`),
  documents: icon(svg`<path d="M6 3h8.500L19 7.500V21H6z"/><path d="M14 3v5h5M9 12.500h7M9 16h7"/>`),
  catalog: icon(svg`<path d="M12 3.500 20 7.500v9l-8 4-8-4v-9z"/><path d="m4 7.500 8 4 8-4M12 11.500v9"/>`),
  lab: icon(svg`<path d="M9.500 3.500h5M10.500 3.500v6L5 18.500a1.300 1.300 0 0 0 1.100 2h11.800a1.300 1.300 0 0 0 1.100-2l-5.500-9v-6"/><path d="M7.500 15h9"/>`),
};
