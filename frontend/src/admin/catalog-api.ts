/** The console's calls for products, stock and imports. */
import type { Answer, Body, List, Product } from '../api-types';
import { Problem, signedIn } from '../request';
import { queryOf } from './api';

export type ProductDetails = Required<Omit<Body<'/admin/products/{sku}', 'put'>, 'archived'>>;
/** A product as it is stored, without its stock. */
export type StoredProduct = Answer<'/admin/products/{sku}'>;
export type Stock = Answer<'/admin/stock/{sku}', 'post'>;
export type Shelf = Answer<'/admin/stock/{sku}'>;
export type Movement = Shelf['movements'][number];
export type Import = Answer<'/admin/imports'>['items'][number];
type UploadForm = Answer<'/admin/imports', 'post'>['upload'];

export function listProductsForAdmin(
  filter: { category?: string; q?: string; archived?: boolean; cursor?: string | null },
  signal?: AbortSignal,
): Promise<List<Product>> {
  const { archived, ...rest } = filter;
  return signedIn(`/admin/products?${queryOf({ ...rest, archived: archived ? 'true' : null })}`, { signal });
}

export function getStoredProduct(sku: string, signal?: AbortSignal): Promise<StoredProduct> {
  return signedIn(`/admin/products/${encodeURIComponent(sku)}`, { signal });
}

/** Creates a product. Rejects with `product_exists` if the sku is used. */
export function createProduct(sku: string, details: ProductDetails): Promise<Product> {
  return signedIn(`/admin/products/${encodeURIComponent(sku)}`, { method: 'PUT', body: details, headers: { 'If-None-Match': '*' } });
}

/** Changes a product. Rejects with `product_changed` if it has another version than the one that was read. */
export function changeProduct({ sku, version }: StoredProduct, change: Body<'/admin/products/{sku}', 'patch'>): Promise<Product> {
  return signedIn(`/admin/products/${encodeURIComponent(sku)}`, { method: 'PATCH', body: change, headers: { 'If-Match': `"${version}"` } });
}

export function getStock(sku: string, cursor: string | null, signal?: AbortSignal): Promise<Shelf> {
  return signedIn(`/admin/stock/${encodeURIComponent(sku)}?${queryOf({ cursor })}`, { signal });
}

export function moveStock(sku: string, delta: number, note: string, key: string): Promise<Stock> {
  return signedIn(`/admin/stock/${encodeURIComponent(sku)}`, { method: 'POST', body: { delta, note }, headers: { 'Idempotency-Key': key } });
}

/** Sets the units on hand, reserved units included. */
export function setStock(sku: string, on_hand: number, note: string, key: string): Promise<Stock> {
  return signedIn(`/admin/stock/${encodeURIComponent(sku)}`, { method: 'PUT', body: { on_hand, note }, headers: { 'Idempotency-Key': key } });
}

/** Spreads the stock over several counters, or merges them to one. */
export function splitStock(sku: string, shards: number): Promise<Stock> {
  return signedIn(`/admin/stock/${encodeURIComponent(sku)}/shards`, { method: 'PUT', body: { shards } });
}

export function listImports(cursor: string | null, signal?: AbortSignal): Promise<List<Import>> {
  return signedIn(`/admin/imports?${queryOf({ cursor })}`, { signal });
}

export const SMALL = { bytes: 200_000, rows: 500 };

/** Whether the API imports the file while it is asked: an import of more rows takes longer than a request may. */
async function isSmall(file: File): Promise<boolean> {
  return file.size <= SMALL.bytes && (await file.text()).split('\n').length <= SMALL.rows;
}

/**
 * Uploads a product file, and waits for the import of a small one. `progress` receives the share that was sent, from 0
 * to 1. Returns the import's id.
 */
export async function importFile(file: File, format: Import['format'], key: string, progress: (share: number) => void): Promise<string> {
  const small = await isSmall(file);
  const asked = await signedIn<Answer<'/admin/imports', 'post'>>('/admin/imports', {
    method: 'POST',
    body: { format, small },
    headers: { 'Idempotency-Key': key },
  });
  await upload(asked.upload, file, progress);
  // An import that this does not end goes on by itself, so its error is not the operator's.
  if (small) await signedIn(`/admin/imports/${asked.import_id}/run`, { method: 'POST' }).catch(() => undefined);
  return asked.import_id;
}

/** With XMLHttpRequest, because fetch reports no upload progress. */
function upload({ url, fields }: UploadForm, file: File, progress: (share: number) => void): Promise<void> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append('file', file);
  const request = new XMLHttpRequest();
  return new Promise((resolve, reject) => {
    const refuse = () => reject(new Problem(request.status, 'upload_refused', 'The file could not be uploaded. It may be too large.'));
    request.upload.onprogress = ({ loaded, total }) => progress(total ? loaded / total : 0);
    request.onload = () => (request.status < 300 ? resolve() : refuse());
    request.onerror = refuse;
    request.open('POST', url);
    request.send(form);
  });
}

/** The rows of an import that failed, as CSV. */
export async function getReport(url: string, signal?: AbortSignal): Promise<string> {
  const answer = await fetch(url, { signal }).catch(() => null);
  if (!answer?.ok) throw new Problem(answer?.status ?? 0, 'report_gone', 'The report’s link has expired. Reload the page.');
  return answer.text();
}
