//! Downloads: mirrors, resume, digest check while streaming, offline mode.
