//! Announcements of blobs and samples of them.
