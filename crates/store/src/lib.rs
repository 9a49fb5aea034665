//! The content-addressed store: blobs, trees, step records, locks and garbage collection.
