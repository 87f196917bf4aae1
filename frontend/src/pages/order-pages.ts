/** Pages that are loaded when needed: an order, the list of orders, and the search for one, in one chunk. */
import './find-order';
import './order';
import './orders';
