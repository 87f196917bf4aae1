// Viewer request: the storefront and its console are a page each, whose addresses have no file behind them.
// A path with an extension is a file; any other path is index.html, the console's below /admin.
function handler(event) {
  var request = event.request;
  var parts = request.uri.split('/');
  if (parts[parts.length - 1].indexOf('.') === -1) {
    request.uri = parts[1] === 'admin' ? '/admin/index.html' : '/index.html';
  }
  return request;
}
