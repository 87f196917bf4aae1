// Viewer request: the storefront is one page whose addresses have no file behind them.
// A path with an extension is a file; any other path is index.html.
function handler(event) {
  var request = event.request;
  var last = request.uri.split('/').pop();
  if (last.indexOf('.') === -1) {
    request.uri = '/index.html';
  }
  return request;
}
