/** The pages from the cart on, and the doors: fetched together, when the first of them is opened or about to be. */
import './account';
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
