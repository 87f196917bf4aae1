/** Pages that are loaded when needed: cart, checkout, orders, account and sign-in, in one chunk. */
import './account';
import './account-settings';
import './cart';
import './checkout';
import './confirm';
import './find-order';
import './forgotten-password';
import './order';
import './orders';
import './sign-in';
import './sign-up';
import './unsubscribe';
