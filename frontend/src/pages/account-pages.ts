/** Pages that are loaded when needed: the account, its settings, and the ways in, in one chunk. */
import './account';
import './account-settings';
import './confirm';
import './forgotten-password';
import './sign-in';
import './sign-up';
import './unsubscribe';
