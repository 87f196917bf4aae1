/** Pages that are loaded when needed: cart and checkout, in one chunk. */
import './cart';
import './checkout';
