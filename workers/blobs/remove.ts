/** Deletes blobs by what their keys begin with, a slice at a time. */

/** Objects that R2 lists, and deletes, in one call. */
const BLOBS_A_SLICE = 1_000;

/** Deletes some; answers whether more are left. */
export const deleteBlobs = async (bucket: R2Bucket, prefix: string): Promise<boolean> => {
  const listed = await bucket.list({ prefix, limit: BLOBS_A_SLICE });
  if (listed.objects.length > 0) await bucket.delete(listed.objects.map((each) => each.key));
  return listed.truncated;
};
